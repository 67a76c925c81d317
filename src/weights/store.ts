import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { modelsDir, type CacheEnvironment } from "./cache-paths.ts";
import { remedyFor } from "./check.ts";
import { lockedFiles, type WeightFile } from "./lock.ts";
import { WeightsError } from "./weights-error.ts";

export interface ModelsFolderOptions {
  /** A folder named by the user (`LIVEDUB_MODELS_DIR` or an alias); it wins over the cache. */
  readonly dir?: string | undefined;
  readonly env: CacheEnvironment;
}

/** The models folder to use: the one the user named, else the cache's. It need not exist (see `requireModelsFolder`). */
export function modelsFolder(options: ModelsFolderOptions): string {
  return options.dir ? resolve(options.dir) : modelsDir(options.env);
}

/**
 * The models folder to use, which exists.
 * @throws WeightsError (blame `files`) with the remedy where it does not
 */
export async function requireModelsFolder(options: ModelsFolderOptions): Promise<string> {
  const dir = modelsFolder(options);
  const status = await stat(dir).catch(() => undefined);
  if (status?.isDirectory()) return dir;
  throw new WeightsError(
    `There are no model weights: ${dir} is ${status ? "no folder" : "not there"}`,
    {
      blame: "files",
      retryable: false,
      remedy: remedyFor(dir),
    },
  );
}

/** The absolute path of a file of weights, e.g. `modelPath(dir, "asr/whisper-base-onnx/encoder_model.onnx")`. */
export function modelPath(dir: string, path: string): string {
  return join(dir, path);
}

/** One line of `models list`. */
export interface ListedWeight extends WeightFile {
  readonly state: "present" | "missing" | "wrong-size";
}

/** Every locked file with whether `dir` holds it (by size only; `verifyWeights` reads the content). */
export async function listWeights(dir: string): Promise<readonly ListedWeight[]> {
  const files = await lockedFiles(dir);
  return Promise.all(
    files.map(async (file) => {
      const status = await stat(join(dir, file.path)).catch(() => undefined);
      if (!status?.isFile()) return { ...file, state: "missing" as const };
      return {
        ...file,
        state: status.size === file.bytes ? ("present" as const) : ("wrong-size" as const),
      };
    }),
  );
}
