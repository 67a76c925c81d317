import { join } from "node:path";
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
import { splitLong, splitSentences } from "../marian/sentences.ts";
import { ExportFolder } from "./export-folder.ts";

/** Within the positions of every such model (512), and what they translate well at once. */
const longestSourceTokens = 200;
/** A translation longer than this many times its source is a loop. */
const longestRatio = 2.5;
const tokensOfGrace = 10;
/** No run of that many tokens comes twice: what greedy decoding falls into when it loops. */
const noRepeatLength = 4;

/**
 * An encoder–decoder translator of Hugging Face's `marian` or `m2m_100` type, as optimum exports it
 * (`encoder_model.onnx`, `decoder_model_merged.onnx`): greedy, one token a call, with a cache.
 */
export class Seq2Seq {
  readonly #pastNames: readonly string[];
  readonly #emptyPast: Tensor;

  private constructor(
    private readonly runtime: OnnxRuntime,
    private readonly folder: ExportFolder,
    private readonly encoder: InferenceSession,
    private readonly decoder: InferenceSession,
    decoderPath: string,
  ) {
    this.#pastNames = decoder.inputNames.filter((name) => name.startsWith("past_key_values."));
    const shape = inputShape(decoder, decoderPath, "past_key_values.0.decoder.key");
    const [heads, headSize] = [Number(shape[1]), Number(shape[3])];
    this.#emptyPast = new runtime.Tensor("float32", new Float32Array(0), [1, heads, 0, headSize]);
  }

  /** @throws {ModelFileError} */
  static async load(modelDir: string, options: SessionOptions = {}): Promise<Seq2Seq> {
    const folder = new ExportFolder(modelDir);
    const decoderPath = join(modelDir, "decoder_model_merged.onnx");
    const encoder = await openSession(join(modelDir, "encoder_model.onnx"), options);
    const decoder = await openSession(decoderPath, options);
    return new Seq2Seq(await loadOnnxRuntime(), folder, encoder, decoder, decoderPath);
  }

  /** Folder name of the model. */
  get name(): string {
    return this.folder.name;
  }

  get pairs(): readonly (readonly [source: string, target: string])[] {
    return this.folder.pairs;
  }

  /** Translates a text of any length, sentence by sentence. Blank text gives an empty one. */
  async translate(text: string, source: string, target: string): Promise<string> {
    const length = (part: string) => this.folder.encode(part, source).length;
    const parts = splitSentences(text).flatMap((sentence) =>
      splitLong(sentence, longestSourceTokens, length),
    );
    const translated: string[] = [];
    for (const part of parts) {
      const ids = await this.generate(this.folder.encode(part, source), target);
      translated.push(this.folder.decode(ids));
    }
    return translated.filter((part) => part !== "").join(" ");
  }

  /** The likeliest next token, again and again, until the end token or the cap; both marks left out. */
  async generate(source: readonly number[], target: string): Promise<number[]> {
    const mask = int64Tensor(
      this.runtime,
      source.map(() => 1),
      [1, source.length],
    );
    const encoded = await this.encoder.run({
      input_ids: int64Tensor(this.runtime, source, [1, source.length]),
      attention_mask: mask,
    });
    const feeds = this.#firstFeeds(outputOf(encoded, "last_hidden_state"), mask);
    const begin = this.folder.beginOf(target);
    const longest = Math.ceil(source.length * longestRatio) + tokensOfGrace;
    const ids: number[] = [];
    let previous = this.folder.decoderStart;
    for (let step = 0; step < longest; step++) {
      feeds["input_ids"] = int64Tensor(this.runtime, [previous], [1, 1]);
      const outputs = await this.decoder.run(feeds);
      this.#keepCache(feeds, outputs, step === 0);
      previous =
        step === 0 && begin !== undefined
          ? begin
          : likeliest(outputOf(outputs, "logits").data as Float32Array, [
              this.folder.padding,
              ...repeating(ids),
            ]);
      if (previous === this.folder.endOfSentence) break;
      ids.push(previous);
    }
    return ids;
  }

  #firstFeeds(encoded: Tensor, mask: Tensor): OnnxTensors {
    const feeds: OnnxTensors = { encoder_hidden_states: encoded, encoder_attention_mask: mask };
    for (const name of this.#pastNames) feeds[name] = this.#emptyPast;
    feeds["use_cache_branch"] = new this.runtime.Tensor("bool", Uint8Array.of(0), [1]);
    return feeds;
  }

  /** The encoder's keys and values come with the first call; the cached branch gives none worth keeping. */
  #keepCache(feeds: OnnxTensors, outputs: OnnxTensors, first: boolean): void {
    for (const name of this.#pastNames)
      if (first || name.includes(".decoder."))
        feeds[name] = outputOf(outputs, name.replace("past_key_values.", "present."));
    if (first) feeds["use_cache_branch"] = new this.runtime.Tensor("bool", Uint8Array.of(1), [1]);
  }

  async close(): Promise<void> {
    await this.encoder.release();
    await this.decoder.release();
  }
}

function likeliest(logits: Float32Array, refused: readonly number[]): number {
  let best = -1;
  let highest = -Infinity;
  for (const [id, logit] of logits.entries()) {
    if (logit <= highest || refused.includes(id)) continue;
    best = id;
    highest = logit;
  }
  return best;
}

/** Tokens that would complete a run that was there before. */
function repeating(ids: readonly number[]): number[] {
  const held = noRepeatLength - 1;
  const tail = ids.slice(-held).join(" ");
  if (ids.length < noRepeatLength) return [];
  return ids.filter((_, at) => at >= held && ids.slice(at - held, at).join(" ") === tail);
}
