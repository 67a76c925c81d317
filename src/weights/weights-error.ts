/** Whose doing a failure is: the files in the folder, the caller's input, the network or package index, or this machine. */
export type WeightsBlame = "files" | "caller" | "network" | "machine";

interface WeightsErrorOptions {
  readonly blame: WeightsBlame;
  /** Whether the same call may succeed later without anything being changed. */
  readonly retryable: boolean;
  /** What the reader can do about it. */
  readonly remedy: string;
  readonly cause?: unknown;
}

/** A failure to find, check, fetch or build weights. The message names the thing, what is wrong, and the remedy. */
export class WeightsError extends Error {
  override readonly name = "WeightsError";
  readonly blame: WeightsBlame;
  readonly retryable: boolean;
  readonly remedy: string;

  constructor(what: string, options: WeightsErrorOptions) {
    super(`${what}. ${options.remedy}`, { cause: options.cause });
    this.blame = options.blame;
    this.retryable = options.retryable;
    this.remedy = options.remedy;
  }
}
