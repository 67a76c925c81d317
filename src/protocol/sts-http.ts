import { z } from "zod";
import { audioFormatSchema, stsAudioSchema } from "./sts-audio.ts";
import { fragmentErrorSchema } from "./sts-errors.ts";
import {
  identifier,
  languageTag,
  optional,
  roundedCount,
  wholeNumber,
  withDefault,
} from "./sts-scalars.ts";

/** Paths of the sidecar's HTTP side. */
export const stsHttpPaths = {
  health: "/health",
  ping: "/ping",
  metrics: "/metrics",
  process: "/api/v1/sts/process",
} as const;

/** Body of `POST /api/v1/sts/process`, as a server reads it. */
export const processRequestSchema = z.object({
  fragment_id: identifier,
  stream_id: identifier,
  sequence_number: wholeNumber(0),
  // of this older contract PCM is the one format
  audio: stsAudioSchema.extend({ format: withDefault(audioFormatSchema, "pcm_s16le") }),
  config: z.object({
    source_language: optional(languageTag),
    target_language: optional(languageTag),
    voice_profile: optional(z.string().min(1).max(128)),
  }),
  timeout_ms: optional(wholeNumber(1000, 120_000)),
});
export type ProcessRequest = z.output<typeof processRequestSchema>;

/** Answer of `POST /api/v1/sts/process`, as a client reads it. */
export const processAnswerSchema = z.object({
  fragment_id: optional(z.string()),
  status: z.enum(["success", "partial", "error"]),
  dubbed_audio: optional(stsAudioSchema),
  transcript: optional(z.string()),
  translated_text: optional(z.string()),
  processing_time_ms: optional(roundedCount),
  error: optional(fragmentErrorSchema),
  metadata: optional(z.record(z.string(), z.unknown())),
});
export type ProcessAnswer = z.output<typeof processAnswerSchema>;

/** Codes of the HTTP contract; nothing else is sent in its `error.code`. */
export type ProcessErrorCode =
  | "INVALID_INPUT"
  | "TIMEOUT"
  | "MODEL_ERROR"
  | "AUTH_FAILED"
  | "RATE_LIMIT"
  | "TEMPORARY_UNAVAILABLE";

/** `GET /health`, as a client reads it. */
export const stsHealthSchema = z.looseObject({
  status: z.string(),
  service: optional(z.string()),
  version: optional(z.string()),
  mode: optional(z.string()),
  engine: optional(z.string()),
  gpu_available: optional(z.boolean()),
  /** Source and target languages that are served; absent = anything (echo). */
  pairs: optional(z.array(z.tuple([z.string(), z.string()]))),
  detail: optional(z.string()),
});
export type StsHealth = z.output<typeof stsHealthSchema>;
