import { commonSettings } from "../config/common.ts";
import { readSettings } from "../config/setting.ts";
import type { WorkerSpec } from "../protocol/supervisor.ts";
import { createLogger } from "../telemetry/log.ts";
import { RunBundle } from "../worker/run-bundle.ts";
import type { OnEvent } from "./worker.ts";

/**
 * Opens the bundle of a worker's run, where one is wished for. A disk that takes nothing costs the bundle, never the
 * dub: it is told once.
 */
export function openRunBundle(spec: WorkerSpec, onEvent: OnEvent): RunBundle | undefined {
  const { bundle, streamId, runId, instanceId } = spec;
  if (bundle === undefined) return undefined;
  const { logLevel, logFormat, logStdout } = readSettings(commonSettings, process.env);
  const log = createLogger({
    level: logStdout ? logLevel : "silent",
    format: logFormat,
    fields: { component: "worker" },
  });
  return new RunBundle({
    ...{ streamId, runId, instanceId },
    root: bundle.root,
    mode: bundle.capture,
    sourceLanguage: spec.sourceLanguage,
    targetLanguage: spec.targetLanguages[0] as string,
    playoutDelayMs: spec.playoutDelayMs,
    onWrite: (write, isNews) => {
      log.debug(write, `${write.event} ${write.path}`);
      if (isNews)
        onEvent("warn", "bundle-write-failed", `${write.path} cannot be written: ${write.error}`);
    },
    onUnusable: ({ message }) =>
      onEvent(
        "warn",
        "bundle-unusable",
        `WORKER_ASSETS_DIR ${bundle.root}: no run bundle (${message})`,
      ),
  });
}
