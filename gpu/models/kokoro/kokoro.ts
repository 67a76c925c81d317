import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { z } from "zod";
import { ModelFileError, readModelFloats, readModelJson } from "../../../src/onnx/model-file.ts";
import {
  type OnnxRuntime,
  type SessionOptions,
  int64Tensor,
  loadOnnxRuntime,
  openSession,
  outputOf,
} from "../../../src/onnx/runtime.ts";
import { languageOfVoice } from "./languages.ts";

export const kokoroSampleRateHz = 24_000;
/** Phonemes of one call; the position table has 512 places, one more at each end is the padding token. */
const longestPhonemes = 509;
const styleSize = 256;
const paddingToken = 0;

const vocabularySchema = z.record(z.string(), z.number().int());

/** Kokoro-82M (github.com/hexgrad/kokoro, Apache-2.0): phonemes, a style and a speed give 24 kHz sound. */
export class Kokoro {
  readonly #styles = new Map<string, Float32Array>();

  private constructor(
    private readonly runtime: OnnxRuntime,
    private readonly session: InferenceSession,
    private readonly vocabulary: Readonly<Record<string, number>>,
    private readonly voicesDir: string,
  ) {}

  /**
   * @param modelDir folder with `model.onnx` (and `model_float.onnx`, for GPUs), `vocab.json` and `voices`
   * @throws {ModelFileError}
   */
  static async load(modelDir: string, options: SessionOptions = {}): Promise<Kokoro> {
    const runtime = await loadOnnxRuntime();
    const file = options.executionProvider === "cuda" ? "model_float.onnx" : "model.onnx";
    return new Kokoro(
      runtime,
      await openSession(join(modelDir, file), options),
      readModelJson(join(modelDir, "vocab.json"), vocabularySchema),
      join(modelDir, "voices"),
    );
  }

  /** Ids of the phonemes the model knows; others are left out. */
  tokens(phonemes: string): number[] {
    return Array.from(phonemes, (letter) => this.vocabulary[letter]).filter(
      (id) => id !== undefined,
    );
  }

  /**
   * Speaks phonemes. One call blocks the event loop for about a fifth of what it says.
   *
   * @param phonemes in the model's alphabet, at most {@link longestPhonemes} known ones
   * @param speed 1 is natural, higher is faster
   * @returns mono, 24 kHz, with the silence the model puts around it; empty for no phonemes
   * @throws {ModelFileError} for an unknown voice; {RangeError} for too many phonemes
   */
  async speak(phonemes: string, voice: string, speed: number): Promise<Float32Array> {
    const ids = this.tokens(phonemes);
    if (ids.length === 0) return new Float32Array(0);
    if (ids.length > longestPhonemes)
      throw new RangeError(`${ids.length} phonemes in one call, at most ${longestPhonemes}`);
    const style = this.#style(voice).slice(ids.length * styleSize, (ids.length + 1) * styleSize);
    const outputs = await this.session.run({
      tokens: int64Tensor(this.runtime, [paddingToken, ...ids, paddingToken], [1, ids.length + 2]),
      style: new this.runtime.Tensor("float32", style, [1, styleSize]),
      speed: new this.runtime.Tensor("float32", Float32Array.of(speed), [1]),
    });
    return outputOf(outputs, "audio").data as Float32Array;
  }

  async close(): Promise<void> {
    await this.session.release();
  }

  #style(voice: string): Float32Array {
    const known = this.#styles.get(voice);
    if (known) return known;
    const path = join(this.voicesDir, `${voice}.bin`);
    if (languageOfVoice(voice) === undefined) throw new ModelFileError(path, "no such voice");
    const style = readModelFloats(path);
    if (style.length < (longestPhonemes + 1) * styleSize)
      throw new ModelFileError(path, `${style.length} values, at least 510 rows of 256 are needed`);
    this.#styles.set(voice, style);
    return style;
  }
}

/** The voices whose styles stand in a model's folder, sorted by name. @throws {ModelFileError} */
export function listVoices(modelDir: string): { name: string; language: string }[] {
  const dir = join(modelDir, "voices");
  let files: string[];
  try {
    files = readdirSync(dir);
  } catch (cause) {
    throw new ModelFileError(dir, "the folder of the voices cannot be read", cause);
  }
  return files
    .filter((file) => file.endsWith(".bin"))
    .map((file) => file.slice(0, -".bin".length))
    .flatMap((name) => {
      const language = languageOfVoice(name)?.language;
      return language === undefined ? [] : [{ name, language }];
    })
    .toSorted((one, other) => one.name.localeCompare(other.name, "en"));
}
