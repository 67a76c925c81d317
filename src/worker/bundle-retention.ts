import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { emptyFolder } from "./bundle-files.ts";

/** What a sweep did. */
export interface SweepResult {
  /** Runs removed, as `<streamId>/<runId>`. */
  readonly removed: readonly string[];
  /** Runs that could not be looked at or removed, with the reason. */
  readonly failed: readonly string[];
}

/** A run that was written to this lately may have a worker: its `tmp/` is left alone. */
const maybeAliveMs = 10 * 60_000;

/**
 * Removes the bundles of runs that were last written to longer ago than `keepMs`, and leftovers of writes that were
 * broken off from the others. A root that is not there is empty.
 *
 * @param nowMs Unix milliseconds
 */
export async function sweepBundles(
  root: string,
  keepMs: number,
  nowMs: number,
): Promise<SweepResult> {
  const removed: string[] = [];
  const failed: string[] = [];
  const streams = join(root, "streams");
  for (const streamId of await namesIn(streams)) {
    const runs = join(streams, streamId, "runs");
    for (const runId of await namesIn(runs)) {
      const path = join(runs, runId);
      try {
        const idleMs = nowMs - (await lastWriteMs(path));
        if (idleMs > keepMs) {
          await rm(path, { recursive: true, force: true });
          removed.push(`${streamId}/${runId}`);
        } else if (idleMs > maybeAliveMs) await emptyFolder(join(path, "tmp"));
      } catch (error) {
        failed.push(`${streamId}/${runId}: ${(error as Error).message}`);
      }
    }
    for (const folder of [runs, join(streams, streamId)]) await rmdir(folder).catch(() => {}); // not empty
  }
  return { removed, failed };
}

/** A manifest is written at every change; without one, when its folder changed. */
async function lastWriteMs(path: string): Promise<number> {
  const written = await stat(join(path, "manifest.json")).catch(() => stat(path));
  return written.mtimeMs;
}

async function namesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
