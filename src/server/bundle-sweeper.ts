import { resolve } from "node:path";
import type { EdgeConfig } from "../config/edge-config.ts";
import type { Logger } from "../telemetry/log.ts";
import { sweepBundles } from "../worker/bundle-retention.ts";

const everyMs = 24 * 3_600_000;

/**
 * Removes run bundles that are past their time, now and once a day; nobody waits for it. Where none are written, none
 * are touched.
 *
 * @returns ends it
 */
export function sweepBundlesDaily(
  values: Pick<EdgeConfig["values"], "captureMode" | "assetsDir" | "assetsKeepMs">,
  log: Logger,
): () => void {
  if (values.captureMode === "off") return () => {};
  const sweep = async () => {
    const root = resolve(values.assetsDir);
    const { removed, failed } = await sweepBundles(root, values.assetsKeepMs, Date.now());
    if (removed.length > 0)
      log.info({ event: "bundles.removed", removed: removed.length }, "old run bundles removed");
    if (failed.length > 0)
      log.warn(
        { event: "bundles.kept", failed: failed.slice(0, 5) },
        "run bundles that cannot be removed",
      );
  };
  void sweep();
  const timer = setInterval(() => void sweep(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
