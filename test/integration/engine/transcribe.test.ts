import { beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { createRealEngine } from "../../../gpu/inference/real-engine.ts";
import { Whisper } from "../../../gpu/models/whisper/whisper.ts";
import {
  childCommand,
  modelsForTests,
  quietLogger,
  realEngine,
} from "../../support/real-engine.ts";
import { fixtureSound, whiteNoise } from "./sounds.ts";
import { wordErrorRate } from "./text-distance.ts";

const timeline = z.object({
  sentences: z.array(z.object({ startMs: z.number(), endMs: z.number(), text: z.string() })),
});
const sampleRateKhz = 16;
/** As much room as a session gives a clause. */
const marginMs = 700;

let engine: Awaited<ReturnType<typeof realEngine>>;

beforeAll(async () => {
  engine = await realEngine();
}, 90_000);

async function newsTimeline() {
  const path = join(import.meta.dir, "..", "..", "fixtures", "media", "news.json");
  return timeline.parse(await Bun.file(path).json()).sentences;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

describe("words of a final pass", () => {
  test("begin and end where the timeline says, over music", async () => {
    const sound = await fixtureSound("news.mp4");
    const sentences = await newsTimeline();
    const missesMs: number[] = [];
    for (const [i, { startMs, endMs }] of sentences.entries()) {
      const fromMs = Math.max(sentences[i - 1]?.endMs ?? 0, startMs - marginMs);
      const toMs = Math.min(sentences[i + 1]?.startMs ?? Infinity, endMs + marginMs);
      const pcm16k = sound.subarray(fromMs * sampleRateKhz, toMs * sampleRateKhz);
      const { words = [], text } = await engine.transcribe({
        pcm16k,
        language: "en",
        quality: "final",
      });
      expect(words.map((word) => word.text).join(" ")).toBe(text);
      for (const [k, word] of words.entries()) {
        expect(word.startMs).toBeGreaterThanOrEqual(words[k - 1]?.endMs ?? 0);
        expect(word.endMs).toBeGreaterThanOrEqual(word.startMs);
        expect(word.endMs).toBeLessThanOrEqual(toMs - fromMs + 1);
      }
      missesMs.push(Math.abs(fromMs + (words[0]?.startMs ?? NaN) - startMs));
      missesMs.push(Math.abs(fromMs + (words.at(-1)?.endMs ?? NaN) - endMs));
    }
    expect(missesMs).toHaveLength(2 * sentences.length);
    expect(median(missesMs)).toBeLessThanOrEqual(100);
    expect(missesMs.filter((miss) => miss > 300)).toEqual([]);
  }, 90_000);

  test("keep the pause between two sentences of one window free", async () => {
    const sound = await fixtureSound("news.mp4");
    const [, , , , , sixth, seventh] = await newsTimeline();
    if (sixth === undefined || seventh === undefined) throw new Error("the timeline is shorter");
    const fromMs = sixth.startMs - 300;
    const toMs = seventh.endMs + 300;
    const { words = [] } = await engine.transcribe({
      pcm16k: sound.subarray(fromMs * sampleRateKhz, toMs * sampleRateKhz),
      language: "en",
      quality: "final",
    });
    const next = words.findIndex((word) => word.startMs + fromMs > sixth.endMs - 200);
    expect(words[next - 1]?.text.toLowerCase()).toContain("surpassed");
    expect(Math.abs((words[next - 1]?.endMs ?? NaN) + fromMs - sixth.endMs)).toBeLessThan(200);
    expect(Math.abs((words[next]?.startMs ?? NaN) + fromMs - seventh.startMs)).toBeLessThan(200);
  }, 60_000);
});

test("a partial pass gives the words without times", async () => {
  const pcm16k = await fixtureSound("speech/LJ001-0008.flac");
  const heard = await engine.transcribe({ pcm16k, language: "en", quality: "partial" });
  expect(heard.text.toLowerCase()).toContain("never been surpassed");
  expect(heard.words).toBeUndefined();
  expect(heard.noSpeechProbability).toBeLessThan(0.2);
  expect(heard.meanLogProbability).toBeGreaterThan(-0.5);
  expect(heard.capped).toBe(false);
});

test("a recogniser says how sure it is of each word, and of the language that it was told to hear", async () => {
  const pcm16k = await fixtureSound("speech/LJ001-0008.flac");
  const hear = (language: string, sound = pcm16k) =>
    engine.transcribe({ pcm16k: sound, language, quality: "final" });
  const { words = [], meanLogProbability, languageProbability } = await hear("en");
  expect(languageProbability).toBeGreaterThan(0.8);
  const sure = words.map(({ confidence = NaN }) => confidence);
  for (const confidence of sure) expect(confidence).toBeWithin(0, 1.0001);
  expect(median(sure)).toBeGreaterThan(0.8);
  expect(Math.exp(meanLogProbability)).toBeWithin(Math.min(...sure), 1);
  const asPortuguese = await hear("pt");
  expect(asPortuguese.languageProbability).toBeLessThan(0.2);
  // Under noise it is less sure.
  const noise = whiteNoise(pcm16k.length / 16_000, 0.2);
  const drowned = await hear(
    "en",
    pcm16k.map((sample, n) => sample + noise[n]!),
  );
  expect(drowned.meanLogProbability).toBeLessThan(meanLogProbability);
}, 60_000);

test("what was said before steers how a name is written, and is not said again", async () => {
  const pcm16k = await fixtureSound("speech/LJ001-0007.flac");
  const spelt = "Johannes Gutemberg of Mainz. The Gutemberg press. Mr. Gutemberg printed:";
  const plain = await engine.transcribe({ pcm16k, language: "en", quality: "final" });
  const steered = await engine.transcribe({
    pcm16k,
    language: "en",
    quality: "final",
    prompt: spelt,
  });
  expect(plain.text).not.toContain("Gutemberg");
  expect(steered.text).toContain("Gutemberg");
  expect(wordErrorRate(steered.text, plain.text)).toBeLessThan(0.3);
  expect(steered.words?.at(-1)?.endMs).toBeGreaterThan(6000);
  expect(steered.noSpeechProbability).toBeLessThan(0.2);
}, 60_000);

test("silence and noise are told by the no-speech probability", async () => {
  for (const pcm16k of [new Float32Array(3 * 16_000), whiteNoise(3, 0.1)]) {
    const heard = await engine.transcribe({ pcm16k, language: "en", quality: "final" });
    expect(heard.noSpeechProbability).toBeGreaterThan(0.6);
  }
}, 60_000);

test("sound that is no number, and none at all, are answered", async () => {
  const broken = new Float32Array(16_000).fill(Number.NaN);
  for (const pcm16k of [broken, new Float32Array(0), new Float32Array(16).fill(1)]) {
    const heard = await engine.transcribe({ pcm16k, language: "en", quality: "final" });
    expect(Number.isFinite(heard.meanLogProbability)).toBe(true);
  }
}, 60_000);

test("more than 30 s, and a language that it does not know, are refused", async () => {
  const long = { pcm16k: new Float32Array(31 * 16_000), language: "en", quality: "final" } as const;
  await expect(engine.transcribe(long)).rejects.toThrow(/30 s/);
  const odd = { pcm16k: new Float32Array(16_000), language: "xx", quality: "final" } as const;
  await expect(engine.transcribe(odd)).rejects.toThrow(/does not recognise xx/);
});

describe("another export than ours", () => {
  /** A folder `whisper-other-onnx` with the two files that any export has. */
  async function withPlainExport(run: (folder: string, dir: string) => Promise<void>) {
    const modelsDir = await modelsForTests();
    const dir = mkdtempSync(join(tmpdir(), "livedub-export-"));
    try {
      const folder = join(dir, "asr", "whisper-other-onnx");
      mkdirSync(folder, { recursive: true });
      for (const file of ["encoder_model.onnx", "decoder_model_merged.onnx"])
        symlinkSync(join(modelsDir, "asr", "whisper-base-onnx", file), join(folder, file));
      const tokenizer = join(modelsDir, "asr", "whisper-tokenizer");
      for (const file of ["tokenizer.json", "tokenizer_config.json", "generation_config.json"])
        copyFileSync(join(tokenizer, file), join(folder, file));
      await run(folder, dir);
    } finally {
      rmSync(dir, { recursive: true });
    }
  }

  test("without alignment heads gives text without words", async () => {
    await withPlainExport(async (folder) => {
      const whisper = await Whisper.load(folder);
      expect(whisper.name).toBe("whisper-other-onnx");
      const pcm16k = await fixtureSound("speech/LJ001-0008.flac");
      const heard = await whisper.transcribe(pcm16k, "en", { words: true });
      await whisper.close();
      expect(heard.text.toLowerCase()).toContain("never been surpassed");
      expect(heard.words).toBeUndefined();
    });
  }, 60_000);

  test("with the tokenizer of another family is refused by name", async () => {
    await withPlainExport(async (folder) => {
      const path = join(folder, "tokenizer.json");
      const tokenizer = z
        .looseObject({ added_tokens: z.array(z.looseObject({ id: z.number() })) })
        .parse(await Bun.file(path).json());
      const last = tokenizer.added_tokens.at(-1);
      const added_tokens = [
        ...tokenizer.added_tokens,
        { ...last, id: 51_865, content: "<|30.02|>" },
      ];
      await Bun.write(path, JSON.stringify({ ...tokenizer, added_tokens }));
      await expect(Whisper.load(folder)).rejects.toThrow(
        `${path}: it has 51866 tokens, the decoder 51865`,
      );
    });
  }, 60_000);

  test("that is not there fails the start, naming setting and folder", async () => {
    const modelsDir = await modelsForTests();
    await using engineOfSmall = createRealEngine({
      modelsDir,
      logger: quietLogger,
      childCommand,
      asrModel: "small",
    });
    const folder = join(modelsDir, "asr", "whisper-small-onnx");
    await expect(engineOfSmall.start()).rejects.toThrow(
      `ASR_MODEL=small: there is no folder ${folder}`,
    );
  }, 60_000);
});
