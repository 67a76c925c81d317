import { resample } from "../../src/audio/resample.ts";
import type { RequestLimits } from "./request-queue.ts";
import type { EngineStages } from "./stages.ts";

const heardRateHz = 16_000;
const spokenRateHz = 24_000;
/** What the detector takes at a time. */
const frameSamples = 512;

/** Language of {@link benchSentences}. */
export const benchLanguage = "en";
/** What is said: about as long as clauses are, and no two alike, so that nothing is answered from memory. */
export const benchSentences: readonly string[] = [
  "The weather is fine today and the train is on time.",
  "She opened the window and looked at the quiet street below.",
  "In the second half the visitors had more of the ball.",
  "We are waiting for the bus that goes to the harbour.",
  "The old bridge was repaired before the winter came.",
  "He wrote a long letter to his brother in the north.",
];

/** Work a second of sound, or a call; medians over the sentences. */
export interface StageFigures {
  readonly detectRtf: number;
  readonly partialRtf: number;
  readonly finalRtf: number;
  /** One pass in full: it costs about the same however long its sound is. */
  readonly passMs: number;
  readonly speakRtf: number;
  /** Of the dub at tempo 1. */
  readonly msPerCharacter: number;
  readonly translateMs: number;
  /** Mean length of what was recognised, s. */
  readonly clauseS: number;
  /** Of the words that were said, so many were recognised, 0..1: figures of a deaf recogniser are worth nothing. */
  readonly heardShare: number;
  readonly sentences: number;
}

/** What promises to clients are made with. */
export type CostFigures = Pick<
  StageFigures,
  "passMs" | "translateMs" | "speakRtf" | "msPerCharacter"
>;

export interface MeasureOptions {
  /** Primary subtags. */
  readonly source: string;
  readonly target: string;
  /** In the source language; the first one only warms up, unless it is the only one. */
  readonly sentences: readonly string[];
  /** Recognise while the dub is spoken, as in a live stream, instead of one call at a time. */
  readonly sideBySide?: boolean;
  /** When this has passed, ms, no further sentence is begun. */
  readonly budgetMs?: number;
  /** Of each call. */
  readonly limits?: RequestLimits;
  readonly onProgress?: (done: number, of: number) => void;
  /** Milliseconds of a monotonic clock; `performance.now` where none is given. */
  readonly now?: () => number;
}

/** The figures of one sentence. */
type Sample = Omit<StageFigures, "sentences">;

/**
 * Takes sentences through every stage: spoken by the voice itself, so that no recording is needed,
 * then detected, recognised, translated, and spoken in the target language.
 *
 * @throws {EngineError} when a stage fails, and Error when a voice says nothing
 */
export async function measureStages(
  stages: EngineStages,
  options: MeasureOptions,
): Promise<StageFigures> {
  const { sentences, onProgress, budgetMs = Infinity, now = monotonicMs } = options;
  const begunAtMs = now();
  const all: Sample[] = [];
  for (const [i, sentence] of sentences.entries()) {
    if (i > 0 && now() - begunAtMs > budgetMs) break;
    all.push(await measureSentence(stages, sentence, options));
    onProgress?.(i + 1, sentences.length);
  }
  const samples = all.length > 1 ? all.slice(1) : all;
  const middle = (key: keyof Sample) => median(samples.map((sample) => sample[key]));
  const mean = (key: keyof Sample) =>
    samples.reduce((sum, sample) => sum + sample[key], 0) / samples.length;
  return {
    detectRtf: middle("detectRtf"),
    partialRtf: middle("partialRtf"),
    finalRtf: middle("finalRtf"),
    passMs: middle("passMs"),
    speakRtf: middle("speakRtf"),
    msPerCharacter: middle("msPerCharacter"),
    translateMs: middle("translateMs"),
    clauseS: mean("clauseS"),
    heardShare: mean("heardShare"),
    sentences: samples.length,
  };
}

async function measureSentence(
  stages: EngineStages,
  sentence: string,
  { source, target, limits, sideBySide = false, now = monotonicMs }: MeasureOptions,
): Promise<Sample> {
  const timed = async <Result>(run: () => Promise<Result>) => {
    const fromMs = now();
    const result = await run();
    return { result, tookMs: now() - fromMs };
  };
  const say = async (text: string, language: string) => {
    const request = { text, language, voiceProfile: "default", tempo: 1 };
    const { result, tookMs } = await timed(() => stages.speak(request, limits));
    const lengthMs = (1000 * result.audio.length) / spokenRateHz;
    if (lengthMs === 0) throw new Error(`the voice for ${language} says nothing for "${text}"`);
    return { ...result, rtf: tookMs / lengthMs };
  };
  const { audio } = await say(sentence, source);
  const pcm16k = resample(audio, spokenRateHz, heardRateHz);
  const lengthMs = (1000 * pcm16k.length) / heardRateHz;
  const frames = pcm16k.slice(0, pcm16k.length - (pcm16k.length % frameSamples));
  const hear = (quality: "partial" | "final") =>
    timed(() => stages.transcribe({ pcm16k, language: source, quality }, limits));
  const detected = await timed(() => stages.detect({ samples: frames }, limits));
  const partial = await hear("partial");
  const alone = sideBySide ? undefined : await hear("final");
  const translated = await timed(() =>
    stages.translate({ text: sentence, source, target }, limits),
  );
  const { text } = translated.result;
  const [dub, final] = alone
    ? [await say(text, target), alone]
    : await Promise.all([say(text, target), hear("final")]);
  return {
    detectRtf: detected.tookMs / lengthMs,
    partialRtf: partial.tookMs / lengthMs,
    finalRtf: final.tookMs / lengthMs,
    passMs: final.tookMs,
    speakRtf: dub.rtf,
    msPerCharacter: dub.naturalMs / text.length,
    translateMs: translated.tookMs,
    clauseS: lengthMs / 1000,
    heardShare: shareHeard(sentence, final.result.text),
  };
}

const monotonicMs = () => performance.now();

function shareHeard(said: string, heard: string): number {
  const words = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const found = new Set(words(heard));
  const wanted = words(said);
  return wanted.filter((word) => found.has(word)).length / Math.max(1, wanted.length);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1] ?? 0, sorted[middle] ?? 0];
  return (low + high) / 2;
}
