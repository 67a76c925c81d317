import type { ProgressLine, ProgressOutput } from "./progress-line.ts";

/** One thing to set up; `run` returns what is in place now, in a few words. */
export interface Step {
  readonly name: string;
  readonly run: () => Promise<string>;
}

/** A step that failed for a reason that its user can do something about. */
export class SetupError extends Error {
  override readonly name = "SetupError";

  /**
   * @param why what failed and why
   * @param remedy what to do about it
   */
  constructor(
    why: string,
    readonly remedy: string,
    cause?: unknown,
  ) {
    super(why, { cause });
  }
}

/**
 * Runs steps one after the other and shows each one's outcome and time.
 * A failure ends the run: what failed, why, and what to do are shown.
 * @returns whether all steps succeeded
 */
export async function runSteps(
  steps: readonly Step[],
  { output, line }: { readonly output: ProgressOutput; readonly line: ProgressLine },
): Promise<boolean> {
  for (const step of steps) {
    const startMs = performance.now();
    try {
      const outcome = await step.run();
      line.end();
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
      output.write(`ok  ${step.name}: ${outcome} (${seconds} s)\n`);
    } catch (error) {
      line.end();
      output.write(`FAILED  ${step.name}: ${describe(error)}\n`);
      return false;
    }
  }
  return true;
}

function describe(error: unknown): string {
  if (error instanceof SetupError) return `${error.message}\n  What to do: ${error.remedy}`;
  return error instanceof Error ? error.message : String(error);
}
