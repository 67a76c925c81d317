import { ChildStartError, describeExit, type ExitInfo } from "./exit.ts";

export interface RaceReadyOptions {
  readonly name: string;
  /** Resolves when the child said, or showed, that it works. */
  readonly ready: Promise<unknown>;
  readonly exited: Promise<ExitInfo>;
  readonly timeoutMs: number;
  /** What the child printed last, asked for only when it failed. */
  readonly detail?: () => string;
}

/**
 * A child is ready, or it exited, or it took too long: three different outcomes, raced in one place.
 * @throws {ChildStartError} `exited` or `timeout`
 */
export async function raceReady(options: RaceReadyOptions): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, options.timeoutMs, "late");
  });
  try {
    const outcome = await Promise.race([
      options.ready.then(() => "ready" as const),
      options.exited.then((exit) => exit),
      late,
    ]);
    if (outcome === "ready") return;
    const said = options.detail?.() ?? "";
    const tail = said === "" ? "" : `\n${said}`;
    if (outcome === "late")
      throw new ChildStartError(
        options.name,
        "timeout",
        `not ready within ${options.timeoutMs} ms${tail}`,
      );
    throw new ChildStartError(
      options.name,
      "exited",
      `ended before it was ready (${describeExit(outcome)})${tail}`,
    );
  } finally {
    clearTimeout(timer);
  }
}
