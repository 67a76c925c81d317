import type { StsAudio } from "../protocol/sts-audio.ts";
import type { ClauseMessage } from "../protocol/sts-fragment.ts";

/** Rates in which our worker sends: 16 kHz is what recognition hears; 48 kHz for peers that answer in kind. */
export type UplinkRateHz = 16_000 | 48_000;

/** One stretch of speech on its way to a sidecar. Positions are stream time, in samples of 48 kHz. */
export interface OutgoingFragment {
  readonly fragmentId: string;
  readonly startSample: number;
  readonly endSample: number;
  readonly durationMs: number;
  /** The sound, mono s16le. */
  pcm(rateHz: UplinkRateHz): Uint8Array;
  /** When its first sample airs, on the client's clock; undefined with pacing `file`. */
  readonly airsAtMs: number | undefined;
  /**
   * A piece of continuous time for a session that works by clauses: its answer is held until what may sound in
   * it is settled. Absent: a stretch of speech that is answered by itself.
   */
  readonly held?: boolean;
  /** Of a held piece: false when no speech is heard in it, so that its bytes need not travel. */
  readonly speech?: boolean;
}

/** A further language's dub of the same fragment. */
export interface AnswerTrack {
  readonly audio: StsAudio | undefined;
  readonly failed: boolean;
}

/** What a sidecar answered, transport left behind. */
export interface FragmentAnswer {
  readonly status: "success" | "partial" | "failed";
  readonly audio: StsAudio | undefined;
  /** Undefined when the server does not tell; empty when nothing was said. */
  readonly transcript: string | undefined;
  readonly translatedText: string | undefined;
  readonly processingTimeMs: number | undefined;
  readonly stageTimings: { asr_ms: number; translation_ms: number; tts_ms: number } | undefined;
  readonly tempo: number | undefined;
  /** The engine's own name for what it is, from its model names: `echo` or undefined. */
  readonly engine: string | undefined;
  readonly error:
    { readonly code: string; readonly message: string; readonly retryable: boolean } | undefined;
  /** What became of clauses, in sessions that work by them. */
  readonly clauses?: readonly ClauseMessage[] | undefined;
  /** The further languages, by primary subtag. */
  readonly tracks?: Readonly<Record<string, AnswerTrack>> | undefined;
}

/**
 * The end of a fragment: answered (a dub, or no speech), or not, and why. The reason of a failure is the
 * server's code in lower case, or one of ours: `timeout` (no answer), `deadline` (none before its air time),
 * `overload` (no credit in time), `breaker_open`, `disconnected`, `unavailable` (no session), `refused`,
 * `invalid_output`, `closed`.
 */
export type FragmentOutcome =
  | {
      readonly kind: "answered";
      readonly answer: FragmentAnswer;
      readonly sequenceNumber: number;
      readonly roundTripMs: number;
    }
  | {
      readonly kind: "failed";
      readonly reason: string;
      readonly message: string;
      readonly sequenceNumber: number | undefined;
      readonly roundTripMs: number | undefined;
    };

/** A failed attempt, as the circuit breaker and the retry rule read it. */
export class AttemptError extends Error {
  override readonly name = "AttemptError";
  constructor(
    /** As in {@link FragmentOutcome}. */
    readonly reason: string,
    message: string,
    /** The server's code, or the one that the contract gives to what happened. */
    readonly code: string,
    readonly retryable: boolean,
  ) {
    super(message);
  }
}
