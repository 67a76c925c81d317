import type { StsStage } from "../../src/protocol/sts-errors.ts";
import type { ClauseMessage } from "../../src/protocol/sts-fragment.ts";
import type { StreamUpdate } from "../../src/protocol/sts-session.ts";
import type { GlossaryEntry } from "../pipeline/translation/clause-translation.ts";

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
  /** The client plays each sample this long after it was captured; absent: fragments are answered one by one. */
  readonly playoutDelayMs?: number | undefined;
  /** Further target languages. */
  readonly furtherLanguages: readonly string[];
  readonly glossary: readonly GlossaryEntry[];
  readonly keepTerms: readonly string[];
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
  /** Session time of its first sample by the sender's clock; absent: it follows the one before. */
  readonly ptsNs?: number | undefined;
  /** From its receipt until its first sample airs, ms; absent: the sender does not say. */
  readonly airsInMs?: number | undefined;
  /** On `performance.now()`'s clock. */
  readonly receivedAtMs: number;
  /** False: the sender's gate heard no speech; there are no bytes. */
  readonly speech: boolean;
  /** On `performance.now()`'s clock: from then on nobody waits for the answer. */
  readonly deadlineAtMs?: number | undefined;
  /** Largest audio of an answer, bytes; larger ones leave as m4a. */
  readonly maxAnswerBytes: number;
  readonly signal: AbortSignal;
}

/** A stretch of the source as it was understood. Stream time, ms; what the recogniser does not tell is absent. */
export interface SourceSegment {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  /** Probabilities, 0..1. */
  readonly confidence?: number | undefined;
  readonly noSpeechProbability?: number | undefined;
  readonly languageProbability?: number | undefined;
  readonly words?:
    | readonly {
        readonly text: string;
        readonly startMs: number;
        readonly endMs: number;
        readonly confidence?: number | undefined;
      }[]
    | undefined;
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
  /** Part of the time since its receipt in which it was only held for its deadline. */
  readonly heldMs?: number;
  readonly clauses?: readonly ClauseMessage[];
  /** Further languages. */
  readonly tracks?: ReadonlyMap<string, FragmentTrack>;
  /** For whoever keeps records; clients are not told. Absent where nothing is recognised. */
  readonly segments?: readonly SourceSegment[];
  /** Length of the speech at its natural tempo, before it was fitted; of clauses: of those that begin here. */
  readonly rawDurationMs?: number;
  /** The tempo of speech did not suffice. */
  readonly speedClamped?: boolean;
}

/** What a further language says in a fragment. */
export interface FragmentTrack {
  readonly audio: FragmentAudio;
  readonly translatedText: string;
  readonly status: "success" | "partial";
  /** As of {@link FragmentOutcome}. */
  readonly rawDurationMs?: number;
  readonly speedClamped?: boolean;
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
 * The seam between a session and what dubs its fragments: each by itself, or by clauses that cross them.
 */
export interface FragmentProcessor {
  /** @throws {FragmentFailure} and nothing else */
  process(job: FragmentJob): Promise<FragmentOutcome>;
  /** Jobs of this queue that have not begun. */
  waiting(queue: string): number;
  /**
   * Present where answers are held and leave in the order of their numbers: the processor itself gives up numbers that
   * never come, and has no other time limit than each fragment's own.
   */
  readonly held?: HeldProcessing | undefined;
}

/** What a session tells a processor that holds its answers. */
export interface HeldProcessing {
  /** No more fragments will come: everything is answered as soon as it can be. */
  end(): void;
  /** The session is gone; whatever is held is forgotten. */
  close(): void;
  /** What holds for the next clause. */
  readonly terms: ClauseTerms;
  /** @returns what holds from the next clause on */
  update(update: StreamUpdate): ClauseTerms;
}

/** What a session by clauses may change while it runs. */
export interface ClauseTerms {
  readonly voiceProfile: string;
  /** Primary subtags, the first one first. */
  readonly targets: readonly string[];
  readonly glossary: readonly GlossaryEntry[];
  readonly keepTerms: readonly string[];
}
