import { z } from "zod";
import { vadContextSamples, vadFrameSamples, vadHiddenValues } from "../../src/vad/silero.ts";
import { refusalReasons } from "../session/clauses/guards.ts";

/** Sound as it passes between our processes: mono float samples. */
const samples = z.custom<Float32Array>((value) => value instanceof Float32Array);
const languageTag = z.string().regex(/^[a-z]{2,3}$/);

/** What a child needs before it can load; goes through the channel, never through argv. */
export const startMessage = z.object({
  type: z.literal("start"),
  modelsDir: z.string().min(1),
  threads: z.number().int().min(1),
  executionProvider: z.enum(["cpu", "cuda"]),
  /** Size of the recogniser, for example `base` or `large-v3-turbo`; absent: `base`. */
  asrModel: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]*$/)
    .optional(),
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
const probability = z.number().min(0).max(1);
const utterance = region.extend({
  text: z.string(),
  sureness: z.object({
    confidence: probability,
    noSpeechProbability: probability,
    languageProbability: probability.optional(),
  }),
});

const recogniseRequest = z.object({
  kind: z.literal("fragment"),
  pcm16k: samples,
  language: languageTag,
});
/** Whisper hears no more at once. */
const longestWindowSamples = 30 * 16_000;
/** Of what was said before, the end counts: the last 64 tokens are used. */
export const longestPromptLetters = 2000;
const transcribeRequest = z.object({
  kind: z.literal("window"),
  pcm16k: samples.refine((value) => value.length <= longestWindowSamples, {
    error: `more than ${longestWindowSamples} samples (30 s)`,
  }),
  language: languageTag,
  prompt: z.string().max(longestPromptLetters).optional(),
  quality: z.enum(["partial", "final"]),
});
export type TranscribePayload = z.infer<typeof transcribeRequest>;
/** What the recogniser's process is asked for: a whole fragment by itself, or one pass over a window. */
export const hearRequest = z.discriminatedUnion("kind", [recogniseRequest, transcribeRequest]);
export type HearRequest = z.infer<typeof hearRequest>;
const recogniseResult = z.object({
  kind: z.literal("fragment"),
  speechRegions: z.array(region),
  utterances: z.array(utterance),
  rejected: z.array(utterance.extend({ reason: z.enum(refusalReasons) })),
});
export type RecogniseResult = z.infer<typeof recogniseResult>;
const transcribeResult = z.object({
  kind: z.literal("window"),
  text: z.string(),
  words: z
    .array(region.extend({ text: z.string(), confidence: probability.optional() }))
    .optional(),
  languageProbability: probability.optional(),
  noSpeechProbability: z.number(),
  meanLogProbability: z.number(),
  compressionRatio: z.number(),
  capped: z.boolean(),
});
export type TranscribeAnswer = z.infer<typeof transcribeResult>;
export const hearResult = z.discriminatedUnion("kind", [recogniseResult, transcribeResult]);
export type HearResult = z.infer<typeof hearResult>;
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

const pace = {
  tempo: z.number().positive().optional(),
  slot: z.object({ sourceMs: z.number(), slotMs: z.number() }).optional(),
};
/** A text to be spoken, or another voice's sound (24 kHz) to be brought to a pace. */
export const voiceRequest = z.union([
  z.object({ text: z.string(), voice: z.string(), ...pace }),
  z.object({ audio: samples, ...pace }),
]);
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
