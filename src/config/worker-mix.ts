import { z } from "zod";
import { bool, choice, decimal, duration } from "./scalars.ts";
import { setting } from "./setting.ts";

const loudnessTarget = z.string().transform((value, context): number | undefined => {
  if (value.trim().toLowerCase() === "off") return undefined;
  const parsed = decimal(-31, -14).safeParse(value);
  if (parsed.success) return parsed.data;
  context.addIssue({ code: "custom", message: "must be off, or LUFS from -31 to -14 (like -23)" });
  return z.NEVER;
});

/** How background and dub are separated, balanced and levelled. */
export const mixSettings = {
  separation: setting({
    name: "WORKER_SEPARATION",
    scope: "worker",
    schema: choice("auto", "off", "dfn3", "dtln", "gtcrn", "gtcrn-wasm"),
    default: "auto",
    doc: "The net that takes the speech out of the background: `auto` (the best that is there), `off`, `dfn3`, `dtln`, `gtcrn` (weights in `separation/` of the models folder) or `gtcrn-wasm` (in every build)",
  }),
  bedDuckDb: setting({
    name: "WORKER_BED_DUCK_DB",
    scope: "worker",
    schema: decimal(-24, 0),
    default: "-6",
    doc: "How far the separated background is lowered under a dub, in dB (-24..0)",
  }),
  originalDuckDb: setting({
    name: "WORKER_ORIGINAL_DUCK_DB",
    scope: "worker",
    schema: decimal(-60, 0),
    default: "-12",
    doc: "How far the original is lowered under a dub where there is no separated background, and by the fallback `ducked`, in dB (-60..0)",
  }),
  duckAttackMs: setting({
    name: "WORKER_DUCK_ATTACK",
    scope: "worker",
    schema: duration(20, 1000),
    default: "50ms",
    doc: "How long the background takes to go down (20ms..1s)",
  }),
  duckHoldMs: setting({
    name: "WORKER_DUCK_HOLD",
    scope: "worker",
    schema: duration(0, 10_000),
    default: "1s",
    doc: "How long it stays down after the last word (0..10s)",
  }),
  duckReleaseMs: setting({
    name: "WORKER_DUCK_RELEASE",
    scope: "worker",
    schema: duration(20, 10_000),
    default: "400ms",
    doc: "How long it takes to come back (20ms..10s)",
  }),
  levelDub: setting({
    name: "WORKER_LEVEL_DUB",
    scope: "worker",
    schema: bool,
    default: "true",
    doc: "Bring the dub to the loudness of the speech it replaces (within 12 dB)",
  }),
  loudnessTarget: setting<number | undefined>({
    name: "WORKER_LOUDNESS_TARGET",
    scope: "worker",
    schema: loudnessTarget,
    default: "off",
    doc: "Loudness of the whole programme in LUFS: `off` (the source's), -23, -16 or another value -31..-14",
  }),
};
