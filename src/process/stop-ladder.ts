import type { ExitInfo } from "./exit.ts";

/** One step of stopping a child: what is done, and how long it may take to work. */
export interface StopStep {
  readonly act: () => void;
  readonly withinMs: number;
}

/**
 * Takes the steps in order until `ended` settles; each step is bounded, the last is expected to be SIGKILL.
 *
 * @returns the index of the step after which the child had ended, or -1 when it had ended before,
 *   or `steps.length` when it outlived them all
 */
export async function climbStopLadder(
  ended: Promise<unknown>,
  steps: readonly StopStep[],
): Promise<number> {
  let over = false;
  const settled = ended.then(
    () => (over = true),
    () => (over = true),
  );
  await Promise.resolve();
  if (over) return -1;
  for (const [index, step] of steps.entries()) {
    step.act();
    await Promise.race([settled, wait(step.withinMs, settled)]);
    if (over) return index;
  }
  return steps.length;
}

/** A timer that does not outlive what it waits for. */
function wait(ms: number, cut: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void cut.then(() => clearTimeout(timer));
  });
}

/**
 * Takes the steps, and waits no longer than they allow: a process that is stuck in the kernel (a dead disk
 * or network mount) outlives even SIGKILL, and whoever stops it must not wait for it for ever.
 *
 * @returns how it ended; for one that is still there, neither code nor signal
 */
export async function endWithin(
  exited: Promise<ExitInfo>,
  steps: readonly StopStep[],
): Promise<ExitInfo> {
  const outlived = (await climbStopLadder(exited, steps)) === steps.length;
  return outlived ? { code: null, signal: null, byUs: true } : exited;
}
