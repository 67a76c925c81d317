import type { Clock } from "./clock.ts";

/** Delay before each fragment when the server asks to slow down without saying how much. */
const defaultDelayMs: Record<string, number> = { low: 100, medium: 500, high: 1000 };
/** No delay that a server may ask for is longer than the patience with its pauses. */
const longestPauseMs = 30_000;

/**
 * Obeys a sidecar's backpressure: `slow_down` spaces the fragments, `pause` holds them until `none`,
 * 30 s at most. Actions that it does not know are ignored.
 */
export class Throttle {
  #delayMs = 0;
  #pausedSinceMs: number | undefined;
  #nextAtMs = 0;

  constructor(private readonly clock: Clock) {}

  /** @returns true when the action is a known one */
  obey(action: string, recommendedDelayMs: number | undefined, severity: string): boolean {
    if (action === "none") {
      this.reset();
    } else if (action === "slow_down") {
      const asked = recommendedDelayMs || (defaultDelayMs[severity] ?? 500);
      this.#delayMs = Math.min(asked, longestPauseMs);
      this.#pausedSinceMs = undefined;
      this.#nextAtMs = this.clock.now() + this.#delayMs;
    } else if (action === "pause") {
      this.#pausedSinceMs ??= this.clock.now();
    } else {
      return false;
    }
    return true;
  }

  get paused(): boolean {
    return (
      this.#pausedSinceMs !== undefined && this.clock.now() - this.#pausedSinceMs < longestPauseMs
    );
  }

  /** Milliseconds until a fragment may go out; 0 = now. */
  waitMs(): number {
    const now = this.clock.now();
    if (this.#pausedSinceMs !== undefined) {
      const left = this.#pausedSinceMs + longestPauseMs - now;
      if (left > 0) return left;
      this.reset(); // the server forgot to lift it: one try tells
    }
    return Math.max(0, this.#nextAtMs - now);
  }

  /** A fragment has gone out. */
  sent(): void {
    if (this.#delayMs > 0) this.#nextAtMs = this.clock.now() + this.#delayMs;
  }

  /** A new session owes nothing to the old one's backpressure. */
  reset(): void {
    this.#delayMs = 0;
    this.#pausedSinceMs = undefined;
    this.#nextAtMs = 0;
  }
}
