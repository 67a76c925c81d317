/** How a child came to its end, as three different facts: asked by us, by itself, or killed by a signal. */
export interface ExitInfo {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True when our own stop ladder had begun before it ended. */
  readonly byUs: boolean;
}

/** One line for logs and errors: `exit code 1`, `signal SIGKILL`, or that it has not ended. */
export function describeExit(exit: ExitInfo): string {
  if (exit.signal === null && exit.code === null) return "still there after SIGKILL";
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}

/** Who is at fault for an error; the restart policy reads only this. */
export type Blame = "caller" | "upstream" | "us";

/** A child that never became ready; `kind` keeps the three ways apart. */
export class ChildStartError extends Error {
  override readonly name = "ChildStartError";
  constructor(
    readonly child: string,
    readonly kind: "not-found" | "exited" | "timeout",
    detail: string,
    readonly blame: Blame = "us",
  ) {
    super(`${child}: ${detail}`);
  }
}
