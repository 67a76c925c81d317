export interface BackoffOptions {
  readonly firstMs: number;
  readonly capMs: number;
  /** Share of the delay by which it is spread at random, 0..1. */
  readonly jitter?: number;
  readonly random?: () => number;
}

/** Exponential backoff that doubles from `firstMs` to `capMs`; `reset` after a success. */
export class Backoff {
  #attempt = 0;
  constructor(readonly options: BackoffOptions) {}

  get attempt(): number {
    return this.#attempt;
  }

  /** The next delay in milliseconds; each call counts as one more failure. */
  next(): number {
    const { firstMs, capMs, jitter = 0, random = Math.random } = this.options;
    const plain = Math.min(capMs, firstMs * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    return Math.round(plain * (1 + jitter * (2 * random() - 1)));
  }

  reset(): void {
    this.#attempt = 0;
  }
}
