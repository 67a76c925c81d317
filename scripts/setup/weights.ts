import type { CacheEnvironment } from "../../src/weights/cache-paths.ts";
import { pullWeights } from "../../src/weights/pull.ts";
import { modelsFolder } from "../../src/weights/store.ts";
import type { ProgressOutput } from "./progress-line.ts";
import { showPull } from "./pull-progress.ts";

/** Completes the models folder: the one that the environment names, else the cache's. */
export async function setUpWeights(env: CacheEnvironment, output: ProgressOutput): Promise<string> {
  const dir = modelsFolder({
    dir: env["LIVEDUB_MODELS_DIR"] || env["MODEL_CACHE_DIR"] || env["STS_MODEL_CACHE_DIR"],
    env,
  });
  const show = showPull(output);
  const report = await pullWeights(dir, {
    // A check that has nothing to hash takes milliseconds and needs no line of its own.
    onProgress: (progress) => progress.phase !== "check" && show(progress),
  });
  return `${report.checkedFiles} files in ${dir}`;
}
