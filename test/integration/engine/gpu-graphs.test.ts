import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPhonemizer } from "../../../gpu/models/kokoro/espeak.ts";
import { Kokoro, kokoroSampleRateHz } from "../../../gpu/models/kokoro/kokoro.ts";
import { spokenLanguage } from "../../../gpu/models/kokoro/languages.ts";
import { phonemesOf } from "../../../gpu/models/kokoro/phonemes.ts";
import { Whisper } from "../../../gpu/models/whisper/whisper.ts";
import { resample } from "../../../src/audio/resample.ts";
import { modelsForTests } from "../../support/real-engine.ts";
import { fixtureSound } from "./sounds.ts";
import { characterErrorRate, spokenForm } from "./text-distance.ts";

/**
 * The graphs that GPUs run, on a CPU, which runs the same operators: folders in which they stand under the names
 * that a CPU takes.
 */
const folder = mkdtempSync(join(tmpdir(), "livedub-gpu-graphs-"));
const sentence = "The old bridge was repaired before the winter came.";
let keeping: Whisper;
let making: Whisper;
let voiceFolders: { readonly own: string; readonly forGpus: string };

/** A folder of links to what stands in another, but for the names given, which link to other files of it. */
function folderLike(original: string, name: string, instead: Readonly<Record<string, string>>) {
  const made = join(folder, name);
  mkdirSync(made, { recursive: true });
  for (const file of readdirSync(original))
    symlinkSync(realpathSync(join(original, instead[file] ?? file)), join(made, file));
  return made;
}

beforeAll(async () => {
  const models = await modelsForTests();
  const whisper = join(models, "asr", "whisper-base-onnx");
  const kokoro = join(models, "tts", "kokoro");
  folderLike(join(models, "asr", "whisper-tokenizer"), "whisper-tokenizer", {});
  const withDecoder = (name: string, decoder: string) =>
    Whisper.load(
      folderLike(whisper, name, {
        "encoder_model_int8.onnx": "encoder_model.onnx",
        "decoder_model_merged_int8.onnx": decoder,
      }),
    );
  keeping = await withDecoder("whisper-keeping-onnx", "decoder_model_merged.onnx");
  making = await withDecoder("whisper-making-onnx", "decoder_model_merged_gpu.onnx");
  voiceFolders = {
    own: kokoro,
    forGpus: folderLike(kokoro, "kokoro", { "model.onnx": "model_float.onnx" }),
  };
}, 90_000);

afterAll(async () => {
  await keeping.close();
  await making.close();
  rmSync(folder, { recursive: true, force: true });
});

async function said(modelDir: string): Promise<Float32Array> {
  const phonemizer = createPhonemizer();
  const kokoro = await Kokoro.load(modelDir);
  try {
    const phonemes = await phonemesOf(sentence, spokenLanguage("en")!, phonemizer);
    return await kokoro.speak(phonemes, "af_heart", 1);
  } finally {
    await kokoro.close();
  }
}

test("a decoder that makes keys and values anew hears what one hears that keeps them", async () => {
  const sound = (await fixtureSound("news.mp4")).subarray(0, 8 * 16_000);
  const expected = await keeping.transcribe(sound, "en", { words: true });
  const heard = await making.transcribe(sound, "en", { words: true });
  expect(expected.tokens).toBeGreaterThan(15);
  expect(heard.text).toBe(expected.text);
  expect(heard.meanLogProbability).toBeCloseTo(expected.meanLogProbability, 2);
  for (const [i, { startMs }] of (expected.words ?? []).entries())
    expect(Math.abs((heard.words?.[i]?.startMs ?? NaN) - startMs)).toBeLessThanOrEqual(20);
}, 60_000);

test("the voice made of products alone is understood, and as long and as loud as the one for CPUs", async () => {
  const [plain, products] = [await said(voiceFolders.own), await said(voiceFolders.forGpus)];
  expect(products.length).toBe(plain.length);
  const level = (samples: Float32Array) =>
    10 * Math.log10(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
  expect(Math.abs(level(products) - level(plain))).toBeLessThan(1);
  const heard = await keeping.transcribe(resample(products, kokoroSampleRateHz, 16_000), "en");
  expect(characterErrorRate(spokenForm(heard.text), spokenForm(sentence))).toBeLessThan(0.05);
}, 60_000);
