import { z } from "zod";
import { vadContextSamples, vadFrameSamples, vadHiddenValues } from "../../src/vad/silero.ts";
import { rejectionReasons } from "../pipeline/hallucination-guard.ts";

/** Sound as it passes between our processes: mono float samples. */
const samples = z.custom<Float32Array>((value) => value instanceof Float32Array);
const languageTag = z.string().regex(/^[a-z]{2,3}$/);

/** What a child needs before it can load; goes through the channel, never through argv. */
export const startMessage = z.object({
  type: z.literal("start"),
  modelsDir: z.string().min(1),
  threads: z.number().int().min(1),
  executionProvider: z.enum(["cpu", "cuda"]),
});
export type StartMessage = z.infer<typeof startMessage>;

/** To a child: begin, do this, give that up. */
export const toChild = z.discriminatedUnion("type", [
  startMessage,
  z.object({ type: z.literal("request"), id: z.number().int(), payload: z.unknown() }),
  z.object({ type: z.literal("cancel"), id: z.number().int() }),
]);
export type ToChild = z.infer<typeof toChild>;

export const failureSchema = z.object({
  code: z.enum(["MODEL_ERROR", "GPU_OOM", "TTS_SYNTHESIS_FAILED", "TIMEOUT", "INVALID_TEXT"]),
  message: z.string(),
  retryable: z.boolean(),
});
export type Failure = z.infer<typeof failureSchema>;

/** From a child: it is ready (or cannot be), and the answer to each request. */
export const fromChild = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready"), info: z.unknown() }),
  z.object({ type: z.literal("failed"), message: z.string() }),
  z.object({
    type: z.literal("result"),
    id: z.number().int(),
    payload: z.unknown(),
    rssBytes: z.number(),
  }),
  z.object({
    type: z.literal("error"),
    id: z.number().int(),
    failure: failureSchema,
    rssBytes: z.number(),
  }),
]);
export type FromChild = z.infer<typeof fromChild>;

const region = z.object({ startMs: z.number(), endMs: z.number() });
const utterance = region.extend({ text: z.string() });

export const recogniseRequest = z.object({ pcm16k: samples, language: languageTag });
export type RecogniseRequest = z.infer<typeof recogniseRequest>;
export const recogniseResult = z.object({
  speechRegions: z.array(region),
  utterances: z.array(utterance),
  rejected: z.array(utterance.extend({ reason: z.enum(rejectionReasons) })),
});
export type RecogniseResult = z.infer<typeof recogniseResult>;
export const recogniseInfo = z.object({ model: z.string(), languages: z.array(z.string()) });
export type RecogniseInfo = z.infer<typeof recogniseInfo>;

const samplesOf = (count: number) =>
  samples.refine((value) => value.length === count, { error: `not ${count} values` });
const detectorState = z.object({
  hidden: samplesOf(vadHiddenValues),
  context: samplesOf(vadContextSamples),
});
/** A minute takes the net 0.6 s: longer would keep other sessions waiting. */
const longestDetectSamples = 60 * 16_000;
export const detectRequest = z.object({
  samples: samples
    .refine((value) => value.length % vadFrameSamples === 0, {
      error: `not a multiple of ${vadFrameSamples} samples`,
    })
    .refine((value) => value.length <= longestDetectSamples, {
      error: `more than ${longestDetectSamples} samples (60 s)`,
    }),
  state: detectorState.optional(),
});
export type DetectPayload = z.infer<typeof detectRequest>;
export const detectResult = z.object({ probabilities: samples, state: detectorState });
export type DetectAnswer = z.infer<typeof detectResult>;
export const detectInfo = z.object({ model: z.string() });
export type DetectInfo = z.infer<typeof detectInfo>;

export const voiceRequest = z.object({
  text: z.string(),
  voice: z.string(),
  slot: z.object({ sourceMs: z.number(), slotMs: z.number() }).optional(),
});
export type VoiceRequest = z.infer<typeof voiceRequest>;
export const voiceResult = z.object({
  audio: samples,
  tempo: z.number(),
  naturalMs: z.number(),
  clamped: z.boolean(),
});
export type VoiceResult = z.infer<typeof voiceResult>;
export const voiceInfo = z.object({ model: z.string() });
export type VoiceInfoMessage = z.infer<typeof voiceInfo>;

export const translateRequest = z.object({
  text: z.string(),
  source: languageTag,
  target: languageTag,
});
export type TranslateRequest = z.infer<typeof translateRequest>;
export const translateResult = z.object({ text: z.string() });
export type TranslateResult = z.infer<typeof translateResult>;
export const translateInfo = z.object({
  models: z.array(z.object({ name: z.string(), source: z.string(), target: z.string() })),
});
export type TranslateInfo = z.infer<typeof translateInfo>;
