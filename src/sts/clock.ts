/** Monotonic time and timers as a parameter, so that tests turn the hands themselves. */
export interface Clock {
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  /** Runs once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** The process's own clock. */
export const monotonicClock: Clock = {
  now: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
