import type { MixTuning } from "../protocol/supervisor.ts";

/** How a mix is balanced where nothing else is configured. */
export const defaultMixTuning: MixTuning = {
  bedDuckDb: -6,
  originalDuckDb: -12,
  duckAttackMs: 50,
  duckHoldMs: 1000,
  duckReleaseMs: 400,
  levelDub: true,
};
