import { commonSettings } from "../config/common.ts";
import { readSettings } from "../config/setting.ts";
import type { WorkerSpec } from "../protocol/supervisor.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";
import { RunBundle, type RunBundleOptions } from "../worker/run-bundle.ts";
import type { OnEvent } from "./worker.ts";

/** Opens the bundle of a worker's run, where one is wished for. */
export function openWorkerBundle(spec: WorkerSpec, onEvent: OnEvent): RunBundle | undefined {
  const { bundle, streamId, runId, instanceId } = spec;
  if (bundle === undefined) return undefined;
  const { logLevel, logFormat, logStdout } = readSettings(commonSettings, process.env);
  const log = createLogger({
    level: logStdout ? logLevel : "silent",
    format: logFormat,
    fields: { component: "worker" },
  });
  const run = {
    ...{ streamId, runId, instanceId },
    root: bundle.root,
    mode: bundle.capture,
    sourceLanguage: spec.sourceLanguage,
    targetLanguage: spec.targetLanguages[0] as string,
    playoutDelayMs: spec.playoutDelayMs,
  };
  return openRunBundle(run, log, onEvent);
}

/**
 * Opens the bundle of a run. A disk that takes nothing costs the bundle, never the dub: it is told once.
 *
 * @param log is told of every write
 */
export function openRunBundle(
  run: Omit<RunBundleOptions, "onWrite" | "onUnusable">,
  log: Logger,
  onEvent: OnEvent,
): RunBundle {
  return new RunBundle({
    ...run,
    onWrite: (write, isNews) => {
      log.debug(write, `${write.event} ${write.path}`);
      if (isNews)
        onEvent("warn", "bundle-write-failed", `${write.path} cannot be written: ${write.error}`);
    },
    onUnusable: ({ message }) =>
      onEvent(
        "warn",
        "bundle-unusable",
        `WORKER_ASSETS_DIR ${run.root}: no run bundle (${message})`,
      ),
  });
}
