import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import {
  type OnnxRuntime,
  type OnnxTensors,
  type SessionOptions,
  int64Tensor,
  openSession,
  outputOf,
} from "../../../src/onnx/runtime.ts";
import type { AttentionScores } from "./token-alignment.ts";

/**
 * Reads a text once more, whole, and says where its alignment heads looked: a second pass of a few
 * milliseconds instead of attention outputs at every step of decoding.
 */
export class Aligner {
  private constructor(
    private readonly runtime: OnnxRuntime,
    private readonly session: InferenceSession,
  ) {}

  /** @returns undefined where the export has no `alignment_model.onnx`: it gives no word times */
  static async load(
    runtime: OnnxRuntime,
    modelDir: string,
    options: SessionOptions,
  ): Promise<Aligner | undefined> {
    const path = join(modelDir, "alignment_model.onnx");
    if (!existsSync(path)) return undefined;
    // Its weights are the decoder's: the runtime wants both files in one folder, links followed.
    return new Aligner(runtime, await openSession(realpathSync(path), options));
  }

  /**
   * @param ids start of transcript, language, task, no timestamps, the text
   * @param crossCache keys and values over the encoder's states, by the names of the decoder's inputs
   */
  async attend(ids: readonly number[], crossCache: OnnxTensors): Promise<AttentionScores> {
    const feeds: OnnxTensors = { input_ids: int64Tensor(this.runtime, ids, [1, ids.length]) };
    for (const name of this.session.inputNames)
      if (name !== "input_ids") feeds[name] = outputOf(crossCache, name);
    const scores = outputOf(await this.session.run(feeds), "alignment_scores");
    const [, heads = 0, rows = 0, positions = 0] = scores.dims;
    return { data: scores.data as Float32Array, heads, rows, positions };
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}
