import { z } from "zod";
import { identifier, languageTag, optional, roundedCount, wholeNumber } from "./sts-scalars.ts";

/** The version of the protocol that these schemas describe. */
export const stsProtocolVersion = "1.0";

/** Names that a server may list in `stream:ready.capabilities.extensions`. */
export const stsExtensions = [
  "deadline",
  "speech",
  "tracks",
  "clauses",
  "update",
  "binary_audio",
  "file",
] as const;
export type StsExtension = (typeof stsExtensions)[number];

/** Rules and names that one session may set. */
const mostTerms = 500;
const term = z.string().trim().min(1, "is empty; a term is 1 to 200 characters").max(200);

/** Where the source says `source`, the target says `target`. */
const glossaryEntrySchema = z.object({ source: term, target: term });
const glossarySchema = z.array(glossaryEntrySchema).max(mostTerms);
const keepTermsSchema = z.array(term).max(mostTerms);
/** Further languages of one session, the first one not counted in. */
const targetLanguagesSchema = z.array(languageTag).max(8);

/** `config` of `stream:init`; every key may be left out, the server then decides. */
export const streamConfigSchema = z.object({
  source_language: optional(languageTag),
  target_language: optional(languageTag),
  voice_profile: optional(z.string().min(1).max(128)),
  chunk_duration_ms: optional(wholeNumber(100, 30_000)),
  sample_rate_hz: optional(wholeNumber(8000, 96_000)),
  channels: optional(wholeNumber(1, 2)),
  format: optional(z.string().min(1).max(32)),
  domain_hints: optional(z.array(z.string().max(64)).max(32)),
  binary_audio: optional(z.boolean()),
  pacing: optional(z.enum(["live", "file"])),
  dub_sample_rate_hz: optional(wholeNumber(8000, 96_000)),
  dub_channels: optional(wholeNumber(1, 2)),
  /** The client plays each sample this long after it was captured: answers may be held, clauses cross fragments. */
  playout_delay_ms: optional(wholeNumber(1000, 30_000)),
  /** From the same recognition pass; `target_language` stays the first. */
  target_languages: optional(targetLanguagesSchema),
  glossary: optional(glossarySchema),
  keep_terms: optional(keepTermsSchema),
});
export type StreamConfig = z.output<typeof streamConfigSchema>;

/** `stream:init`, as a server reads it. */
export const streamInitSchema = z.object({
  stream_id: identifier,
  worker_id: optional(identifier),
  config: streamConfigSchema,
  max_inflight: optional(wholeNumber(1, 10)),
  timeout_ms: optional(wholeNumber(1000, 120_000)),
});
export type StreamInit = z.output<typeof streamInitSchema>;
/** `stream:init`, as a client writes it. */
export type StreamInitMessage = z.input<typeof streamInitSchema>;

const capabilityObject = z.object({
  batch_processing: optional(z.boolean()),
  async_delivery: optional(z.boolean()),
  protocol: optional(z.string()),
  formats: optional(z.array(z.string())),
  extensions: optional(z.array(z.string())),
  binary_audio: optional(z.boolean()),
});

/** `capabilities`: an object, or by an older draft a list of names, which says nothing that we use. */
export const capabilitiesSchema = z.union([
  capabilityObject,
  z.array(z.string()).transform((): z.output<typeof capabilityObject> => ({})),
]);

/** `stream:ready`, as a client reads it. `max_inflight` must be obeyed. */
export const streamReadySchema = z.object({
  stream_id: z.string(),
  session_id: optional(z.string()),
  max_inflight: wholeNumber(1, 64),
  capabilities: optional(capabilitiesSchema),
});

/** `stream:ready`, exactly as our server sends it. */
export interface StreamReadyMessage {
  readonly stream_id: string;
  readonly session_id: string;
  readonly max_inflight: number;
  readonly capabilities: {
    readonly batch_processing: false;
    readonly async_delivery: true;
    readonly protocol: string;
    readonly formats: readonly string[];
    readonly extensions: readonly StsExtension[];
    readonly binary_audio: true;
  };
}

/** `stream:update`: changes from the next clause on; what is not named stays. Answered by `stream:updated`. */
export const streamUpdateSchema = z.object({
  stream_id: optional(identifier),
  glossary: optional(glossarySchema),
  keep_terms: optional(keepTermsSchema),
  voice_profile: optional(z.string().min(1).max(128)),
  target_languages: optional(targetLanguagesSchema),
});
export type StreamUpdate = z.output<typeof streamUpdateSchema>;
/** `stream:update`, as a client writes it. */
export type StreamUpdateMessage = z.input<typeof streamUpdateSchema>;

/** `stream:updated`, exactly as our server sends it: what holds from the next clause on. */
export interface StreamUpdatedMessage {
  readonly stream_id: string;
  readonly voice_profile: string;
  /** All of them, the first one first. */
  readonly target_languages: readonly string[];
  readonly glossary_entries: number;
  readonly keep_terms: number;
}

/** `stream:pause`, `stream:resume` and `stream:end`: the socket names the stream where the key is missing. */
export const streamControlSchema = z.preprocess(
  (payload) => payload ?? {},
  z.object({ stream_id: optional(identifier), reason: optional(z.string().max(256)) }),
);
export type StreamControl = z.output<typeof streamControlSchema>;

/** Numbers of a session at its end. */
const statisticsSchema = z.object({
  success_count: optional(roundedCount),
  partial_count: optional(roundedCount),
  failed_count: optional(roundedCount),
  avg_processing_time_ms: optional(z.number().nonnegative()),
  p95_processing_time_ms: optional(z.number().nonnegative()),
  total_fragments: optional(roundedCount),
  total_audio_duration_ms: optional(roundedCount),
});

/** `stream:complete`, as a client reads it. */
export const streamCompleteSchema = z.object({
  stream_id: optional(z.string()),
  total_fragments: optional(roundedCount),
  total_duration_ms: optional(roundedCount),
  statistics: optional(statisticsSchema),
  error_breakdown: optional(z.record(z.string(), z.unknown())),
  success_count: optional(roundedCount),
  failed_count: optional(roundedCount),
  avg_processing_time_ms: optional(z.number().nonnegative()),
});

/** `stream:complete`, exactly as our server sends it. */
export interface StreamCompleteMessage {
  readonly stream_id: string;
  readonly total_fragments: number;
  /** Sum of the fragments' durations. */
  readonly total_duration_ms: number;
  readonly statistics: {
    readonly success_count: number;
    readonly partial_count: number;
    readonly failed_count: number;
    readonly avg_processing_time_ms: number;
    readonly p95_processing_time_ms: number;
    readonly total_fragments: number;
    readonly total_audio_duration_ms: number;
  };
  readonly error_breakdown: {
    readonly by_stage: Record<string, number>;
    readonly by_code: Record<string, number>;
  };
  readonly success_count: number;
  readonly failed_count: number;
  readonly avg_processing_time_ms: number;
}
