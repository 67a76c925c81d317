import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from "cockatiel";
import { codesNotCountedByBreaker } from "../protocol/sts-errors.ts";
import { AttemptError } from "./fragment.ts";

/** Codes of our own that say nothing about the sidecar's health. */
const ownCodes: ReadonlySet<string> = new Set(["DISCONNECTED", "CLOSED"]);

/**
 * True for failures that the breaker counts: retryable ones, except the codes that blame the caller
 * (contract 2.11). Losing the session has its own cure, reconnecting, and is not counted.
 */
function countsForBreaker(error: unknown): boolean {
  return (
    error instanceof AttemptError &&
    error.retryable &&
    !ownCodes.has(error.code) &&
    !codesNotCountedByBreaker.has(error.code)
  );
}

export type BreakerState = "closed" | "half-open" | "open";

export interface BreakerOptions {
  /** Counted failures in a row that open it. */
  readonly threshold: number;
  /** Milliseconds that it stays open before one probe. */
  readonly openMs: number;
  readonly onStateChange?: (state: BreakerState) => void;
  /** A failure was counted. */
  readonly onCounted?: () => void;
}

/**
 * The circuit breaker of one sidecar: `threshold` counted failures in a row open it, after `openMs` one
 * probe goes through, whose success closes it and whose failure opens it again.
 */
export class FragmentBreaker {
  #policy;
  #openedAt = 0;
  /** The one probe of the half-open state is under way. */
  #probing = false;

  constructor(private readonly options: BreakerOptions) {
    this.#policy = circuitBreaker(
      // A probe that was cut off has proven nothing, so it leaves the breaker open.
      handleWhen((error) => countsForBreaker(error) || this.state === "half-open"),
      {
        halfOpenAfter: options.openMs,
        breaker: new ConsecutiveBreaker(options.threshold),
      },
    );
    this.#policy.onBreak(() => (this.#openedAt = Date.now()));
    this.#policy.onStateChange(() => options.onStateChange?.(this.state));
  }

  get state(): BreakerState {
    if (this.#policy.state === CircuitState.HalfOpen) return "half-open";
    return this.#policy.state === CircuitState.Closed ? "closed" : "open";
  }

  /** True when an attempt may go out now; while half-open only one does. */
  admits(): boolean {
    if (this.state === "closed") return true;
    if (this.state === "half-open") return !this.#probing;
    return Date.now() - this.#openedAt >= this.options.openMs;
  }

  /** Runs one attempt; rejects with the attempt's own error. Ask {@link admits} first. */
  async run<T>(attempt: () => Promise<T>): Promise<T> {
    const probe = this.state !== "closed";
    if (probe) this.#probing = true;
    try {
      return await this.#policy.execute(attempt);
    } catch (error) {
      if (countsForBreaker(error)) this.options.onCounted?.();
      throw error;
    } finally {
      if (probe) this.#probing = false;
    }
  }
}
