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

/** A word and its place in session time. */
const timedWordSchema = z.object({ word: z.string(), start_ms: z.number(), end_ms: z.number() });

/** Where a clause's dub lies, session time. */
const clauseDubSchema = z.object({
  start_ms: z.number(),
  end_ms: z.number(),
  tempo: optional(z.number()),
  voice: optional(z.string()),
});

/**
 * A clause whose dub begins in this fragment (`dubbed`), that will come later than its own time (`late`), or that will
 * never be heard (`dropped`). One that is late is told of again when its dub begins or is given up.
 */
export const clauseSchema = z.object({
  clause_id: z.string(),
  /** Session time of the source's words. */
  start_ms: z.number(),
  end_ms: z.number(),
  source_text: z.string(),
  words: optional(z.array(timedWordSchema)),
  translations: optional(z.record(z.string(), z.string())),
  dub: optional(z.record(z.string(), clauseDubSchema)),
  status: z.enum(["dubbed", "late", "dropped"]),
  /** Target languages of which this is said; absent: all of the session's. */
  languages: optional(z.array(z.string())),
  /** Why it was dropped: `late`, `overload`, or the code of what failed. */
  reason: optional(z.string()),
});
export type ClauseMessage = z.output<typeof clauseSchema>;

/** A further language's answer to the same fragment. */
const trackSchema = z.object({
  dubbed_audio: optional(stsAudioSchema),
  translated_text: optional(z.string()),
  status: z.enum(["success", "partial", "failed"]),
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
  tracks: optional(z.record(z.string(), trackSchema)),
  clauses: optional(z.array(clauseSchema)),
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
  /** The further languages of a session that asked for them. */
  readonly tracks?: Readonly<Record<string, TrackMessage>>;
  readonly clauses?: readonly ClauseMessage[];
}

/** One of `tracks`, exactly as our server sends it. */
export interface TrackMessage {
  readonly dubbed_audio: DubbedAudioMessage;
  readonly translated_text: string;
  readonly status: "success" | "partial";
}
