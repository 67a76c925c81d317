import type { EngineStage } from "./engine-error.ts";
import type { Sureness } from "../session/clauses/words.ts";
import type { CostFigures } from "./stage-figures.ts";
import type { EngineStages } from "./stages.ts";

/** One fragment to be dubbed. */
export interface DubRequest {
  readonly streamId: string;
  readonly fragmentId: string;
  /** Mono, 16 kHz, -1..1. */
  readonly pcm16k: Float32Array;
  /** BCP-47 or short code; only the primary subtag is used (`pt-BR` is `pt`). */
  readonly sourceLanguage: string;
  readonly targetLanguage: string;
  /** `default`, a voice of the package (`pf_dora`), or a configured profile. */
  readonly voiceProfile: string;
  readonly durationMs: number;
  /** On `performance.now()`'s clock; work that has not begun by then is dropped with `TIMEOUT`. */
  readonly deadlineAtMs?: number;
  /** First one is the recogniser's domain (`sports`, `news`, …). */
  readonly domainHints?: readonly string[];
  /** False: the sender's gate heard no speech; answered with silence, nothing runs. */
  readonly speech?: boolean;
  /** File pacing: no deadline and no stage limits. */
  readonly file?: boolean;
}

/** One stretch of speech between pauses, and where its dub lies; times in ms from the fragment's start. */
export interface DubbedUtterance {
  readonly startMs: number;
  readonly endMs: number;
  readonly sourceText: string;
  readonly translatedText: string;
  readonly dubStartMs: number;
  readonly dubEndMs: number;
  /** How much faster than natural it was spoken, about 0.85..1.30. */
  readonly tempo: number;
}

/** A stretch of speech as it was understood, whether it was dubbed or not; times from the fragment's start. */
export interface HeardUtterance {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  readonly sureness: Sureness;
}

export interface TimeRegion {
  readonly startMs: number;
  readonly endMs: number;
}

export interface ModelNames {
  readonly asr: string;
  readonly translation: string;
  readonly tts: string;
}

export interface DubResult {
  /** `partial`: audio is there, but longer than the fragment (warning `duration_variance_high`). */
  readonly status: "success" | "partial";
  /** Empty when nothing was said. */
  readonly transcript: string;
  readonly translatedText: string;
  /** Mono at `sampleRateHz`; as long as the fragment, or longer when even the fastest tempo does not fit. */
  readonly audio: Float32Array;
  readonly sampleRateHz: 24000;
  readonly stageTimings: {
    readonly asrMs: number;
    readonly translationMs: number;
    readonly ttsMs: number;
  };
  readonly originalDurationMs: number;
  /** Length of the synthesised speech before it was fitted (an estimate at tempo 1). */
  readonly rawDurationMs: number;
  /** Length of `audio`. */
  readonly dubbedDurationMs: number;
  /** Highest tempo used; 1 when nothing was spoken. */
  readonly speedRatio: number;
  /** A tempo would have had to leave 0.85..1.30. */
  readonly speedClamped: boolean;
  readonly warnings: readonly string[];
  readonly models: ModelNames;
  readonly utterances: readonly DubbedUtterance[];
  readonly heard: readonly HeardUtterance[];
  readonly speechRegions: readonly TimeRegion[];
}

/** The task groups, each in a process of its own. */
export type InferenceTask = "detect" | "recognise" | "voice" | "translate";

export interface ChildHealth {
  readonly task: InferenceTask;
  readonly state: "starting" | "ready" | "restarting" | "stopped";
  readonly pid: number | undefined;
  readonly restarts: number;
  /** Requests waiting or running. */
  readonly queued: number;
  readonly rssBytes: number | undefined;
}

export interface EngineHealth {
  /** `degraded`: it has worked, and a child is being restarted. `failed`: it never became ready. */
  readonly state: "starting" | "ready" | "degraded" | "failed";
  readonly children: readonly ChildHealth[];
  readonly detail?: string;
}

export interface VoiceInfo {
  readonly name: string;
  readonly language: string;
}

/** Called once for every stage that ran, for metrics. */
export type StageObserver = (stage: EngineStage, durationMs: number) => void;

/** Speech in, dubbed speech out: what the session plane knows of the models. Errors are `EngineError`. */
export interface DubEngine extends AsyncDisposable {
  readonly mode: string;
  readonly models: ModelNames;
  readonly gpuAvailable: boolean;
  /** Source and target that are served, as primary subtags. */
  pairs(): [string, string][];
  voices(): VoiceInfo[];
  /** True when the profile exists and speaks the language. */
  hasVoice(profile: string, language: string): boolean;
  /** Loads the models, then speaks a sentence and recognises it. Rejects with what is missing and the remedy. */
  start(): Promise<void>;
  process(request: DubRequest, signal?: AbortSignal): Promise<DubResult>;
  /** The stages one by one, for sessions that work by clauses; absent where there are none. */
  readonly stages?: EngineStages;
  /**
   * What the stages cost on this machine, measured warm in a few seconds after {@link start}; undefined where there is
   * no sentence to measure with. Rejects when a stage fails.
   */
  measure?(): Promise<CostFigures | undefined>;
  health(): EngineHealth;
  /** Settles everything pending and ends the children; safe to call twice. */
  close(): Promise<void>;
}
