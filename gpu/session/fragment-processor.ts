import type { StsStage } from "../../src/protocol/sts-errors.ts";

/** What a session asks for, settled at `stream:init`. */
export interface SessionTerms {
  readonly sourceLanguage: string;
  readonly targetLanguage: string;
  readonly voiceProfile: string;
  readonly domainHints: readonly string[];
  /** `file`: no time limits. */
  readonly pacing: "live" | "file";
  /** Rate and channels of the answers; undefined = as the fragment came. */
  readonly dubSampleRateHz?: number | undefined;
  readonly dubChannels?: number | undefined;
}

/** Encoded audio with its header. */
export interface FragmentAudio {
  readonly format: string;
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly durationMs: number;
  readonly bytes: Uint8Array;
}

/** One fragment on its way through an engine. */
export interface FragmentJob {
  /** Work of one queue is done one by one, and queues take turns. */
  readonly queue: string;
  readonly streamId: string;
  readonly fragmentId: string;
  readonly sequenceNumber: number;
  readonly terms: SessionTerms;
  readonly audio: FragmentAudio;
  /** False: the sender's gate heard no speech; there are no bytes. */
  readonly speech: boolean;
  /** On `performance.now()`'s clock: from then on nobody waits for the answer. */
  readonly deadlineAtMs?: number | undefined;
  /** Largest audio of an answer, bytes; larger ones leave as m4a. */
  readonly maxAnswerBytes: number;
  readonly signal: AbortSignal;
}

/** A dubbed fragment. */
export interface FragmentOutcome {
  readonly status: "success" | "partial";
  readonly audio: FragmentAudio;
  readonly transcript: string;
  readonly translatedText: string;
  readonly stageTimings:
    { readonly asrMs: number; readonly translationMs: number; readonly ttsMs: number } | undefined;
  readonly models: { readonly asr: string; readonly translation: string; readonly tts: string };
  readonly originalDurationMs: number;
  readonly dubbedDurationMs: number;
  readonly speedRatio: number;
  readonly warnings: readonly string[];
  readonly speechRegions: readonly { readonly startMs: number; readonly endMs: number }[];
}

/** A fragment that could not be dubbed, in the words of the protocol. */
export class FragmentFailure extends Error {
  override readonly name = "FragmentFailure";
  readonly stage: StsStage;
  readonly retryable: boolean;
  readonly metadata: Record<string, unknown> | undefined;

  constructor(
    readonly code: string,
    message: string,
    options: {
      readonly stage: StsStage;
      readonly retryable: boolean;
      readonly metadata?: Record<string, unknown> | undefined;
    },
  ) {
    super(message);
    this.stage = options.stage;
    this.retryable = options.retryable;
    this.metadata = options.metadata;
  }
}

/**
 * The seam between a session and what dubs its fragments. Today each fragment is dubbed by itself; a
 * clause engine that holds answers for their deadlines stands behind this same face.
 */
export interface FragmentProcessor {
  /** @throws {FragmentFailure} and nothing else */
  process(job: FragmentJob): Promise<FragmentOutcome>;
  /** Jobs of this queue that have not begun. */
  waiting(queue: string): number;
}
