import { existsSync } from "node:fs";
import { join } from "node:path";
import { extractEmbedded } from "../media/embedded.ts";
import { createVad, type Vad } from "../vad/silero.ts";
import { modelsFolder } from "../weights/store.ts";
import type { ProgressBar } from "./dub-progress.ts";

/** The gate's weights are optional: without them everything is sent to the sidecar. */
export async function openDubGate(
  environment: Readonly<Record<string, string | undefined>>,
  bar: ProgressBar,
): Promise<Vad | undefined> {
  const folder = modelsFolder({ dir: environment["LIVEDUB_MODELS_DIR"], env: environment });
  const path = join(folder, "vad", "silero-v6", "silero_vad_v6.onnx");
  const found = existsSync(path) ? path : await extractEmbedded("silero_vad_v6.onnx", environment);
  try {
    if (found !== undefined) return await createVad(found);
    bar.say("no weights for voice activity detection: run livedub-sts models pull");
  } catch (error) {
    bar.say(error instanceof Error ? error.message : String(error));
  }
  bar.say("silence is sent to the sidecar too");
  return undefined;
}
