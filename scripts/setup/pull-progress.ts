import type { PullProgress } from "../../src/weights/pull.ts";
import { progressLine, type ProgressOutput } from "./progress-line.ts";

/** Returns a listener that shows a pull's progress: what is fetched, how far, and how long it has taken. */
export function showPull(output: ProgressOutput): (progress: PullProgress) => void {
  const line = progressLine(output);
  return (progress) => {
    if (progress.phase === "check") {
      line.update("checking weights", progress.doneBytes, progress.totalBytes);
      return;
    }
    if (progress.phase === "install") {
      line.update("putting the files in place");
      return;
    }
    const verb = { fetch: "fetching", build: "making" }[progress.phase];
    const label = `${verb} ${progress.what} (${progress.step} of ${progress.steps})`;
    if (progress.phase === "fetch") line.update(label, progress.doneBytes, progress.totalBytes);
    else line.update(label);
  };
}
