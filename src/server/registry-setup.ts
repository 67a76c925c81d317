import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { mixTuningOf } from "../config/mix-tuning.ts";
import type { EdgeConfig } from "../config/edge-config.ts";
import type { LifecyclePolicy } from "../orchestrator/lifecycle.ts";
import { degradedAfterDeaths, restartDelayMs } from "../orchestrator/restart-policy.ts";
import type { CommonSpec } from "../orchestrator/session-specs.ts";

/** The media follows an accepted authorisation after about 2 s; longer than this, and it does not come. */
const prepareMs = 10_000;

/** The settings that decide over the life of streams. */
export function policyOf(values: EdgeConfig["values"]): LifecyclePolicy {
  return {
    graceMs: values.gracePeriodMs,
    prepareMs,
    restartDelayMs,
    degradedAfter: degradedAfterDeaths,
    withWorker: values.stsMode !== "disabled",
  };
}

/** What every stream's processes are told alike. */
export function commonSpecOf(
  values: EdgeConfig["values"],
  found: Pick<
    CommonSpec,
    "ffmpegPath" | "vadModelPath" | "separation" | "socketFolder" | "keepsOutputs" | "environment"
  >,
): CommonSpec {
  return {
    ...found,
    edgeId: `edge${randomBytes(4).toString("hex")}`,
    withoutBed: values.withoutBed,
    tuning: mixTuningOf(values),
    bgGain: values.bgGain,
    dubGain: values.dubGain,
    fragmentMs: values.fragmentMs,
    overlapMs: values.overlapMs,
    jointOutput: values.jointOutput,
    stsMode: values.stsMode,
    bundle:
      values.captureMode === "off"
        ? undefined
        : { root: resolve(values.assetsDir), capture: values.captureMode },
    sts: {
      protocol: values.stsProtocol,
      timeoutMs: values.stsTimeoutMs,
      maxRetries: values.stsMaxRetries,
      maxInflight: values.stsMaxInflight,
      breakerThreshold: values.breakerThreshold,
      breakerOpenMs: values.breakerOpenSeconds * 1000,
    },
  };
}
