/** Exit codes of `livedub dub`, as its help and the README tell them. */
export const dubExitCode = {
  done: 0,
  /** Something in livedub itself broke. */
  internal: 1,
  /** An option or a setting is wrong, or the pair of languages is not served. */
  usage: 2,
  /** The input cannot be read, or is of a kind that is not supported. */
  input: 3,
  /** There is no sidecar, or it refuses. */
  sidecar: 4,
  /** The output, the report or the stems cannot be written. */
  output: 5,
  /** Ctrl-C or SIGTERM: nothing was left behind. */
  interrupted: 130,
} as const;

/** A file dub that cannot be done: whose fault, by the exit code, and what to do, by the message. */
export class DubError extends Error {
  override readonly name = "DubError";
  constructor(
    readonly fault: Exclude<keyof typeof dubExitCode, "done">,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
