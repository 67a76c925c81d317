import type { MixTuning } from "../protocol/supervisor.ts";
import type { EdgeConfig } from "./edge-config.ts";

/** How the configuration wants a mix balanced. */
export function mixTuningOf(values: EdgeConfig["values"]): MixTuning {
  const { bedDuckDb, originalDuckDb, duckAttackMs, duckHoldMs, duckReleaseMs, levelDub } = values;
  return {
    ...{ bedDuckDb, originalDuckDb, duckAttackMs, duckHoldMs, duckReleaseMs, levelDub },
    ...(values.loudnessTarget === undefined ? {} : { loudnessTarget: values.loudnessTarget }),
  };
}
