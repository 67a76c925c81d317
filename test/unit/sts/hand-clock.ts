import { setSystemTime } from "bun:test";
import type { Clock } from "../../../src/sts/clock.ts";

/** A clock whose hands a test turns; the wall clock turns along, for the circuit breaker reads that one. */
export class HandClock implements Clock {
  #now = 0;
  #timers: { atMs: number; run: () => void }[] = [];
  #wallZero = Date.UTC(2026, 0, 1);

  constructor() {
    setSystemTime(new Date(this.#wallZero));
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#now + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets time pass; timers run in their order, and what they settle is settled before the next. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await settle();
      const next = this.#timers
        .filter(({ atMs }) => atMs <= until)
        .toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#set(Math.max(this.#now, next.atMs));
      next.run();
    }
    this.#set(until);
    await settle();
  }

  /** Gives the wall clock back. */
  [Symbol.dispose](): void {
    setSystemTime();
  }

  #set(now: number): void {
    this.#now = now;
    setSystemTime(new Date(this.#wallZero + now));
  }
}

/** Lets every promise that can settle now do so. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 20; round++) await Promise.resolve();
}
