import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { SessionOptions } from "../../../src/onnx/runtime.ts";

/** The size whose weights the lock file names; others are the user's own exports. */
const ownSize = "base";

/**
 * The folder of a size's export inside the models folder.
 *
 * @param size `base`, `small`, `large-v3-turbo`, … as `ASR_MODEL` says
 * @throws where it is not there, with the remedy
 */
export function whisperFolder(modelsDir: string, size = ownSize): string {
  const folder = join(modelsDir, "asr", `whisper-${size}-onnx`);
  if (existsSync(folder)) return folder;
  const remedy =
    size === ownSize
      ? "`livedub-sts models pull` makes it"
      : "put an ONNX export of that size there (encoder_model.onnx, decoder_model_merged.onnx, tokenizer.json, " +
        `tokenizer_config.json, generation_config.json), or set ASR_MODEL=${ownSize}`;
  throw new Error(`ASR_MODEL=${size}: there is no folder ${folder}; ${remedy}`);
}

/**
 * The file of one of an export's graphs, in the form for the machine where there is one: on a CPU that with integer
 * products, as exports name it (`encoder_model_int8.onnx` beside `encoder_model.onnx`), for which GPUs have no
 * operators; on a GPU that which needs little from the host's memory (`decoder_model_merged_gpu.onnx`).
 *
 * @returns an absolute path with links followed: graphs that share weights must be opened where those stand
 */
export function graphFile(
  modelDir: string,
  graph: "encoder_model" | "decoder_model_merged",
  { executionProvider = "cpu" }: SessionOptions,
): string {
  const own = join(modelDir, `${graph}_${executionProvider === "cpu" ? "int8" : "gpu"}.onnx`);
  return existsSync(own) ? realpathSync(own) : join(modelDir, `${graph}.onnx`);
}
