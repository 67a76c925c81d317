import { z } from "zod";
import { identifier, optional } from "./sts-scalars.ts";

/** How grave an `error` event is: the fragment, the request, or the whole session. */
export type StsSeverity = "warning" | "error" | "fatal";

/** The stage of a dub, by its name on the wire. */
export type StsStage = "asr" | "translation" | "tts";

/** What a code means to the peer. */
export interface StsCodeMeaning {
  readonly severity: StsSeverity;
  readonly retryable: boolean;
  /** The stage that raises it when there is only one. */
  readonly stage?: StsStage;
}

/** Every code of protocol 1.0, with what it means. Servers may send others; clients then obey `retryable`. */
export const stsErrorTable = {
  AUTH_FAILED: { severity: "fatal", retryable: false },
  STREAM_NOT_FOUND: { severity: "error", retryable: false },
  STREAM_NOT_READY: { severity: "warning", retryable: true },
  STREAM_PAUSED: { severity: "warning", retryable: true },
  /** Another live worker holds this stream: back off for 5 s or more. */
  STREAM_BUSY: { severity: "error", retryable: true },
  INVALID_CONFIG: { severity: "error", retryable: false },
  INVALID_VOICE_PROFILE: { severity: "error", retryable: false, stage: "tts" },
  UNSUPPORTED_LANGUAGE: { severity: "error", retryable: false, stage: "translation" },
  MALFORMED_DATA: { severity: "error", retryable: false },
  FRAGMENT_TOO_LARGE: { severity: "error", retryable: false },
  INVALID_SEQUENCE: { severity: "error", retryable: false },
  QUEUE_FULL: { severity: "warning", retryable: true },
  BACKPRESSURE_EXCEEDED: { severity: "error", retryable: true },
  RATE_LIMIT: { severity: "warning", retryable: true },
  RATE_LIMIT_EXCEEDED: { severity: "error", retryable: true, stage: "translation" },
  TIMEOUT: { severity: "error", retryable: true },
  MODEL_ERROR: { severity: "error", retryable: true },
  GPU_OOM: { severity: "error", retryable: true },
  ASR_FAILED: { severity: "error", retryable: true, stage: "asr" },
  TRANSLATION_FAILED: { severity: "error", retryable: true, stage: "translation" },
  TRANSLATION_API_UNAVAILABLE: { severity: "error", retryable: true, stage: "translation" },
  NETWORK_ERROR: { severity: "error", retryable: true, stage: "translation" },
  TEMPORARY_UNAVAILABLE: { severity: "error", retryable: true, stage: "translation" },
  TTS_SYNTHESIS_FAILED: { severity: "error", retryable: false, stage: "tts" },
  DURATION_MISMATCH_EXCEEDED: { severity: "error", retryable: false, stage: "tts" },
  DURATION_MISMATCH: { severity: "error", retryable: false, stage: "tts" },
  INVALID_AUDIO_FORMAT: { severity: "error", retryable: false, stage: "asr" },
  INVALID_TEXT: { severity: "error", retryable: false, stage: "tts" },
  PROCESSING_ERROR: { severity: "error", retryable: true },
} as const satisfies Record<string, StsCodeMeaning>;

/** A code that this project raises itself. */
export type StsErrorCode = keyof typeof stsErrorTable;

/** Codes that say the caller was wrong, not that the server is ill: a circuit breaker does not count them. */
export const codesNotCountedByBreaker: ReadonlySet<string> = new Set<StsErrorCode>([
  "STREAM_NOT_FOUND",
  "INVALID_CONFIG",
  "FRAGMENT_TOO_LARGE",
  "INVALID_SEQUENCE",
]);

/** What a code means; `undefined` for a code that is not in the table. */
export function meaningOf(code: string): StsCodeMeaning | undefined {
  return Object.hasOwn(stsErrorTable, code) ? stsErrorTable[code as StsErrorCode] : undefined;
}

/** Whether the same thing may work a little later: what the peer says, else the table, else no. */
export function isRetryable(code: string, said: boolean | undefined): boolean {
  return said ?? meaningOf(code)?.retryable ?? false;
}

/** `DURATION_MISMATCH`'s older spellings and casings are left alone: a code is any text that is not empty. */
const code = z.string().min(1).max(128);

/** The event `error`, read from any server. */
export const stsErrorSchema = z
  .object({
    code,
    message: optional(z.string()),
    retryable: optional(z.boolean()),
    severity: optional(z.string()),
    error_id: optional(z.string()),
    stream_id: optional(identifier),
    fragment_id: optional(identifier),
    stage: optional(z.string()),
    metadata: optional(z.record(z.string(), z.unknown())),
    details: optional(z.record(z.string(), z.unknown())),
  })
  .transform((event) => ({
    ...event,
    message: event.message ?? event.code,
    retryable: isRetryable(event.code, event.retryable),
    severity: event.severity ?? meaningOf(event.code)?.severity ?? "error",
    metadata: event.metadata ?? event.details,
  }));

/** The event `error`, exactly as we send it. */
export interface StsErrorMessage {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly severity: StsSeverity;
  readonly error_id: string;
  readonly stream_id?: string;
  readonly fragment_id?: string;
  readonly stage?: string;
  readonly metadata?: Record<string, unknown>;
  readonly details?: Record<string, unknown>;
}

/** `error` inside `fragment:processed`. */
export const fragmentErrorSchema = z
  .object({
    code,
    message: optional(z.string()),
    stage: optional(z.string()),
    retryable: optional(z.boolean()),
    metadata: optional(z.record(z.string(), z.unknown())),
  })
  .transform((error) => ({
    ...error,
    message: error.message ?? error.code,
    retryable: isRetryable(error.code, error.retryable),
  }));
