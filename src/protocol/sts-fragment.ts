import { z } from "zod";
import { stsAudioSchema } from "./sts-audio.ts";
import { fragmentErrorSchema } from "./sts-errors.ts";
import { identifier, optional, roundedCount, wholeNumber } from "./sts-scalars.ts";

/** `fragment:data`, as a server reads it. */
export const fragmentDataSchema = z.object({
  fragment_id: identifier,
  stream_id: identifier,
  sequence_number: wholeNumber(0),
  /** Unix ms of sending. */
  timestamp: wholeNumber(0),
  audio: stsAudioSchema,
  metadata: optional(z.looseObject({ pts_ns: optional(wholeNumber(Number.MIN_SAFE_INTEGER)) })),
});
export type FragmentData = z.output<typeof fragmentDataSchema>;
/** `fragment:data`, as a client writes it. */
export type FragmentDataMessage = z.input<typeof fragmentDataSchema>;

/** `fragment:ack`, exactly as our server sends it. */
export interface ServerAckMessage {
  readonly fragment_id: string;
  readonly status: "queued";
  /** Fragments in flight before this one. */
  readonly queue_position: number;
  readonly timestamp: number;
}

/** `fragment:ack` of the worker, as a server reads it: statistics only. */
export const workerAckSchema = z.object({
  fragment_id: z.string(),
  status: optional(z.string()),
  timestamp: optional(z.number()),
});
export type WorkerAck = z.output<typeof workerAckSchema>;
/** `fragment:ack`, exactly as our worker sends it. */
export interface WorkerAckMessage {
  readonly fragment_id: string;
  readonly status: "received" | "applied";
  readonly timestamp: number;
}

/** Where the original speaks, in ms from the fragment's start. */
const speechRegionSchema = z.object({ start_ms: z.number(), end_ms: z.number() });

/** All that servers say about a fragment's dub; every key may be missing. */
const processedMetadataSchema = z.looseObject({
  asr_model: optional(z.string()),
  translation_model: optional(z.string()),
  tts_model: optional(z.string()),
  gpu_utilization: optional(z.number()),
  original_duration_ms: optional(roundedCount),
  dubbed_duration_ms: optional(roundedCount),
  duration_variance_percent: optional(z.number()),
  speed_ratio: optional(z.number()),
  warnings: optional(z.array(z.string())),
});

/** `fragment:processed`, as a client reads it. */
export const fragmentProcessedSchema = z.object({
  fragment_id: z.string(),
  stream_id: optional(z.string()),
  sequence_number: wholeNumber(0),
  status: z.enum(["success", "partial", "failed"]),
  dubbed_audio: optional(stsAudioSchema),
  transcript: optional(z.string()),
  translated_text: optional(z.string()),
  processing_time_ms: optional(roundedCount),
  stage_timings: optional(
    z.object({
      asr_ms: optional(roundedCount),
      translation_ms: optional(roundedCount),
      tts_ms: optional(roundedCount),
    }),
  ),
  error: optional(fragmentErrorSchema),
  metadata: optional(processedMetadataSchema),
  held_ms: optional(roundedCount),
  speech_regions: optional(z.array(speechRegionSchema)),
});
export type FragmentProcessed = z.output<typeof fragmentProcessedSchema>;

/** `dubbed_audio`, exactly as our server sends it: one of `data_base64` and `data`. */
export interface DubbedAudioMessage {
  readonly format: string;
  readonly sample_rate_hz: number;
  readonly channels: number;
  readonly duration_ms: number;
  readonly data_base64?: string;
  readonly data?: Uint8Array;
}

/** `metadata` of `fragment:processed`, exactly as our server sends it. */
export interface ProcessedMetadataMessage {
  readonly asr_model: string;
  readonly translation_model: string;
  readonly tts_model: string;
  readonly gpu_utilization: number | null;
  readonly original_duration_ms: number;
  readonly dubbed_duration_ms: number;
  readonly duration_variance_percent: number;
  readonly speed_ratio: number;
  readonly warnings?: readonly string[];
}

/** `fragment:processed`, exactly as our server sends it. */
export interface FragmentProcessedMessage {
  readonly fragment_id: string;
  readonly stream_id: string;
  readonly sequence_number: number;
  readonly status: "success" | "partial" | "failed";
  readonly dubbed_audio?: DubbedAudioMessage;
  readonly transcript?: string;
  readonly translated_text?: string;
  readonly processing_time_ms: number;
  readonly stage_timings?: {
    readonly asr_ms: number;
    readonly translation_ms: number;
    readonly tts_ms: number;
  };
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly stage: string;
    readonly retryable: boolean;
    readonly metadata?: Record<string, unknown>;
  };
  readonly metadata?: ProcessedMetadataMessage;
  /** Time held for order; not part of `processing_time_ms`. */
  readonly held_ms?: number;
  readonly speech_regions?: readonly { readonly start_ms: number; readonly end_ms: number }[];
}
