import { WeightsError } from "./weights-error.ts";

const shownErrorLines = 6;

export interface ProgramOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What the program is run for, as the message begins: "Cannot <purpose>". */
  readonly purpose: string;
  readonly remedy: string;
  readonly blame: "network" | "machine";
}

/**
 * Runs a program to its end without a shell and returns its standard output.
 * @throws WeightsError with the last lines of its error output when it cannot start or fails
 */
export async function runProgram(
  command: readonly string[],
  options: ProgramOptions,
): Promise<string> {
  const fail = (why: string, cause?: unknown): WeightsError =>
    new WeightsError(`Cannot ${options.purpose}: ${why}`, {
      blame: options.blame,
      retryable: options.blame === "network",
      remedy: options.remedy,
      cause,
    });
  let child;
  try {
    child = Bun.spawn([...command], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  } catch (cause) {
    throw fail(`${command[0]} does not start`, cause);
  }
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code === 0) return output;
  const lines = errors.trim().split("\n").slice(-shownErrorLines).join("\n  ");
  throw fail(`${command[0]} ended with ${child.signalCode ?? code}\n  ${lines}\n`);
}
