import { basename, extname, resolve } from "node:path";
import type { EdgeConfig } from "../config/edge-config.ts";
import { newInstanceId, newRunId } from "../orchestrator/run-id.ts";
import type { Logger } from "../telemetry/log.ts";
import { sweepBundles } from "../worker/bundle-retention.ts";
import type { RunBundle } from "../worker/run-bundle.ts";
import { openRunBundle } from "./worker-bundle.ts";

/** As many as can be under way between relay and worker, for a disk that is slower than the dub. */
const mostWaiting = 1024;

interface DubBundleOptions {
  readonly values: EdgeConfig["values"];
  readonly input: string;
  readonly output: string;
  readonly log: Logger;
  /** Told, once, of a bundle that cannot be written. */
  readonly say: (text: string) => void;
}

/**
 * Opens the bundle of a file's run: the same as a live run's, in `streams/file-NAME`. Runs that are past their time are
 * removed meanwhile.
 *
 * @returns undefined where none is wished for
 */
export function openDubBundle(options: DubBundleOptions): RunBundle | undefined {
  const { values, input, output, log, say } = options;
  if (values.captureMode === "off") return undefined;
  const root = resolve(values.assetsDir);
  void sweepBundles(root, values.assetsKeepMs, Date.now()).then(({ failed }) => {
    if (failed[0] !== undefined) say(`an old run bundle cannot be removed: ${failed[0]}`);
  });
  const run = {
    ...{ root, mode: values.captureMode, mostWaiting },
    ...{ streamId: streamIdOf(input), runId: newRunId(), instanceId: newInstanceId() },
    sourceLanguage: values.sourceLanguage,
    targetLanguage: values.targetLanguages[0] as string,
    playoutDelayMs: 0,
    streamPaths: { in: input, out: output },
  };
  return openRunBundle(run, log, (_level, _code, message) => say(message));
}

/** `a talk.mp4` → `file-a-talk`: a plain name, never a live stream's by chance. */
function streamIdOf(input: string): string {
  const name = basename(input, extname(input)).replaceAll(/[^A-Za-z0-9_-]+/g, "-");
  return `file-${name}`.slice(0, 64);
}
