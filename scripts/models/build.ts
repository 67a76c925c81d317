/**
 * Makes all weights of the lock file in a folder, from published packages.
 * usage: bun scripts/models/build.ts [MODELS_DIR]      default: LIVEDUB_MODELS_DIR, else the cache's folder
 */
import { pullWeights } from "../../src/weights/pull.ts";
import { modelsFolder } from "../../src/weights/store.ts";
import { showPull } from "../setup/pull-progress.ts";

const dir = modelsFolder({
  dir: process.argv[2] ?? process.env["LIVEDUB_MODELS_DIR"],
  env: process.env,
});
const report = await pullWeights(dir, { onProgress: showPull(process.stderr) });
console.log(`${report.checkedFiles} files in ${dir} are as the lock file says`);
