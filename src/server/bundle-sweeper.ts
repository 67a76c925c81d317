import type { Logger } from "../telemetry/log.ts";
import { sweepBundles } from "../worker/bundle-retention.ts";

const everyMs = 24 * 3_600_000;

/** Removes run bundles that are past their time, at start and once a day. */
export class BundleSweeper {
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly root: string,
    private readonly keepMs: number,
    private readonly log: Logger,
  ) {}

  start(): void {
    void this.#sweep();
    this.#timer = setInterval(() => void this.#sweep(), everyMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #sweep(): Promise<void> {
    const { removed, failed } = await sweepBundles(this.root, this.keepMs, Date.now());
    if (removed.length > 0)
      this.log.info(
        { event: "bundles.removed", removed: removed.length },
        "old run bundles removed",
      );
    if (failed.length > 0)
      this.log.warn(
        { event: "bundles.kept", failed: failed.slice(0, 5) },
        "run bundles that cannot be removed",
      );
  }
}
