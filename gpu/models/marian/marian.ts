import { basename, join } from "node:path";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import {
  type OnnxRuntime,
  type OnnxTensors,
  type SessionOptions,
  inputShape,
  int64Tensor,
  loadOnnxRuntime,
  openSession,
  outputOf,
} from "../../../src/onnx/runtime.ts";
import { splitLong, splitSentences } from "./sentences.ts";
import { UnigramVocabulary, endOfSentenceId } from "./unigram.ts";

/** Student models were trained on sentences; beyond this they forget the beginning. */
const longestSourceTokens = 120;
/** A translation longer than this many times its source is a loop. */
const longestRatio = 2.5;
const tokensOfGrace = 5;
/** Given in place of a previous token at the first step. */
const noToken = -1;

/**
 * A Bergamot student (Marian transformer encoder, SSRU decoder) as ONNX: the encoder gives each decoder
 * layer's cross-attention keys and values, the decoder goes one token a call with a small state per layer.
 */
export class Marian {
  readonly #stateNames: readonly string[];
  readonly #zeroStates: OnnxTensors = {};

  private constructor(
    /** Folder name of the model, for example `bergamot-en-pt`. */
    readonly name: string,
    private readonly runtime: OnnxRuntime,
    private readonly vocabulary: UnigramVocabulary,
    private readonly encoder: InferenceSession,
    private readonly decoder: InferenceSession,
    decoderPath: string,
  ) {
    this.#stateNames = decoder.inputNames.filter((name) => name.startsWith("state_"));
    for (const name of this.#stateNames) {
      const size = Number(inputShape(decoder, decoderPath, name)[2]);
      this.#zeroStates[name] = new runtime.Tensor("float32", new Float32Array(size), [1, 1, size]);
    }
  }

  /**
   * @param modelDir folder with `encoder.onnx`, `decoder.onnx` and `vocab.json`
   * @throws {ModelFileError}
   */
  static async load(modelDir: string, options: SessionOptions = {}): Promise<Marian> {
    const runtime = await loadOnnxRuntime();
    const decoderPath = join(modelDir, "decoder.onnx");
    return new Marian(
      basename(modelDir),
      runtime,
      UnigramVocabulary.fromFile(join(modelDir, "vocab.json")),
      await openSession(join(modelDir, "encoder.onnx"), options),
      await openSession(decoderPath, options),
      decoderPath,
    );
  }

  /** Translates a text of any length, sentence by sentence. Blank text gives an empty one. */
  async translate(text: string): Promise<string> {
    const parts = splitSentences(text).flatMap((sentence) =>
      splitLong(sentence, longestSourceTokens, (part) => this.vocabulary.encode(part).length),
    );
    const translated: string[] = [];
    for (const part of parts) translated.push(await this.#translateSentence(part));
    return translated.join(" ");
  }

  async #translateSentence(sentence: string): Promise<string> {
    const source = [...this.vocabulary.encode(sentence), endOfSentenceId];
    const crossAttention = await this.encoder.run({
      input_ids: int64Tensor(this.runtime, source, [1, source.length]),
    });
    const wanted = ["next_token", ...this.#stateNames.map((name) => `${name}_out`)];
    const longest = Math.ceil(source.length * longestRatio) + tokensOfGrace;
    let states = this.#zeroStates;
    const ids: number[] = [];
    for (let position = 0, previous = noToken; position < longest; position++) {
      const outputs = await this.decoder.run(
        {
          prev_token: int64Tensor(this.runtime, [previous], [1, 1]),
          position: int64Tensor(this.runtime, [position], [1]),
          ...states,
          ...crossAttention,
        },
        wanted,
      );
      previous = Number(outputOf(outputs, "next_token").data[0]);
      if (previous === endOfSentenceId) break;
      ids.push(previous);
      states = this.#nextStates(outputs);
    }
    return this.vocabulary.decode(ids);
  }

  #nextStates(outputs: OnnxTensors): Record<string, Tensor> {
    return Object.fromEntries(
      this.#stateNames.map((name) => [name, outputOf(outputs, `${name}_out`)]),
    );
  }

  async close(): Promise<void> {
    await this.encoder.release();
    await this.decoder.release();
  }
}
