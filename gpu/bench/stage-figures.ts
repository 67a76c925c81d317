import { resample } from "../../src/audio/resample.ts";
import type { EngineStages } from "../inference/stages.ts";

const heardRateHz = 16_000;
const spokenRateHz = 24_000;
/** What the detector takes at a time. */
const frameSamples = 512;

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
  readonly speakRtf: number;
  readonly translateMs: number;
  /** Mean length of what was recognised, s. */
  readonly clauseS: number;
  /** Of the words that were said, so many were recognised, 0..1: figures of a deaf recogniser are worth nothing. */
  readonly heardShare: number;
  readonly sentences: number;
}

export interface BenchOptions {
  /** Primary subtags. */
  readonly source: string;
  readonly target: string;
  /** In the source language, at least two: the first one only warms up. */
  readonly sentences: readonly string[];
  readonly onProgress?: (done: number, of: number) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/** The figures of one sentence. */
type Sample = Omit<StageFigures, "sentences">;

/**
 * Takes sentences through every stage, one call at a time: spoken by the voice itself, so that no recording is needed,
 * then detected, recognised, translated, and spoken in the target language.
 *
 * @throws {EngineError} when a stage fails, and Error when a voice says nothing
 */
export async function measureStages(
  stages: EngineStages,
  options: BenchOptions,
): Promise<StageFigures> {
  const { sentences, onProgress } = options;
  const samples: Sample[] = [];
  for (const [i, sentence] of sentences.entries()) {
    const sample = await measureSentence(stages, sentence, options);
    if (i > 0) samples.push(sample); // the first one warms up
    onProgress?.(i + 1, sentences.length);
  }
  const middle = (key: keyof Sample) => median(samples.map((sample) => sample[key]));
  const mean = (key: keyof Sample) =>
    samples.reduce((sum, sample) => sum + sample[key], 0) / samples.length;
  return {
    detectRtf: middle("detectRtf"),
    partialRtf: middle("partialRtf"),
    finalRtf: middle("finalRtf"),
    speakRtf: middle("speakRtf"),
    translateMs: middle("translateMs"),
    clauseS: mean("clauseS"),
    heardShare: mean("heardShare"),
    sentences: samples.length,
  };
}

async function measureSentence(
  stages: EngineStages,
  sentence: string,
  { source, target, now = () => performance.now() }: BenchOptions,
): Promise<Sample> {
  const timed = async <Result>(run: () => Promise<Result>) => {
    const fromMs = now();
    const result = await run();
    return { result, tookMs: now() - fromMs };
  };
  const say = async (text: string, language: string) => {
    const spoken = await timed(() =>
      stages.speak({ text, language, voiceProfile: "default", tempo: 1 }),
    );
    const lengthMs = (1000 * spoken.result.audio.length) / spokenRateHz;
    if (lengthMs === 0) throw new Error(`the voice for ${language} says nothing for "${text}"`);
    return { audio: spoken.result.audio, rtf: spoken.tookMs / lengthMs };
  };
  const { audio } = await say(sentence, source);
  const pcm16k = resample(audio, spokenRateHz, heardRateHz);
  const lengthMs = (1000 * pcm16k.length) / heardRateHz;
  const frames = pcm16k.slice(0, pcm16k.length - (pcm16k.length % frameSamples));
  const detected = await timed(() => stages.detect({ samples: frames }));
  const partial = await timed(() =>
    stages.transcribe({ pcm16k, language: source, quality: "partial" }),
  );
  const final = await timed(() =>
    stages.transcribe({ pcm16k, language: source, quality: "final" }),
  );
  const translated = await timed(() => stages.translate({ text: sentence, source, target }));
  const dub = await say(translated.result.text, target);
  return {
    detectRtf: detected.tookMs / lengthMs,
    partialRtf: partial.tookMs / lengthMs,
    finalRtf: final.tookMs / lengthMs,
    speakRtf: dub.rtf,
    translateMs: translated.tookMs,
    clauseS: lengthMs / 1000,
    heardShare: shareHeard(sentence, final.result.text),
  };
}

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
