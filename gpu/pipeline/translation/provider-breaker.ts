import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from "cockatiel";
import { EngineError } from "../../inference/engine-error.ts";

const failuresInARow = 5;
/** Load and a caller's mistake say nothing about a provider. */
const codesNotCounted: ReadonlySet<string> = new Set(["QUEUE_FULL", "INVALID_TEXT"]);

/** A failure that its provider had no fair chance to avoid. */
export class CutShort extends Error {
  override readonly name = "CutShort";
}

/**
 * The circuit breaker of one provider: five counted failures in a row open it; after `restMs` one request
 * goes through as a probe, whose success closes it and whose failure opens it again.
 */
export class ProviderBreaker {
  readonly #policy;
  #openedAt = 0;
  #probing = false;

  constructor(private readonly restMs: number) {
    this.#policy = circuitBreaker(
      // A probe that was cut off has proven nothing: the breaker stays open.
      handleWhen((error) => counts(error) || this.#policy.state === CircuitState.HalfOpen),
      { halfOpenAfter: restMs, breaker: new ConsecutiveBreaker(failuresInARow) },
    );
    this.#policy.onBreak(() => (this.#openedAt = Date.now()));
  }

  /** True when a request may go out now; while it is probed, no second one does. */
  admits(): boolean {
    if (this.#policy.state === CircuitState.Closed) return true;
    if (this.#policy.state === CircuitState.HalfOpen) return !this.#probing;
    return Date.now() - this.#openedAt >= this.restMs;
  }

  /** Runs one request. Ask {@link admits} first. @throws what the request throws */
  async run<Answer>(request: () => Promise<Answer>): Promise<Answer> {
    const probe = this.#policy.state !== CircuitState.Closed;
    if (probe) this.#probing = true;
    try {
      return await this.#policy.execute(request);
    } finally {
      if (probe) this.#probing = false;
    }
  }
}

function counts(error: unknown): boolean {
  if (error instanceof CutShort) return false;
  return !(error instanceof EngineError && codesNotCounted.has(error.code));
}
