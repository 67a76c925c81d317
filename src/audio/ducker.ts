import { fromDecibels } from "./gain.ts";

/** How far the original is lowered under a dub while no separated bed is there. */
const duckedDecibels = -12;
const attackMs = 50;
/** Kept down this long after the last word, so that the original does not pump between words. */
const holdMs = 1000;
const releaseMs = 400;

/** What the ducker is told of a block: `release` gives the original back at once, without the hold. */
export type DuckDemand = "duck" | "idle" | "release";

/** The level of the original under a dub: falls within 50 ms, holds for 1 s, recovers within 400 ms. */
export class Ducker {
  #decibels = 0;
  #heldMs = Number.POSITIVE_INFINITY;

  /** The linear gain at the end of the next block. */
  next(demand: DuckDemand, blockMs: number): number {
    if (demand === "duck") {
      this.#heldMs = 0;
      const step = (duckedDecibels / attackMs) * blockMs;
      this.#decibels = Math.max(duckedDecibels, this.#decibels + step);
      return fromDecibels(this.#decibels);
    }
    this.#heldMs = demand === "release" ? Number.POSITIVE_INFINITY : this.#heldMs + blockMs;
    if (this.#heldMs > holdMs) {
      const step = (-duckedDecibels / releaseMs) * blockMs;
      this.#decibels = Math.min(0, this.#decibels + step);
    }
    return fromDecibels(this.#decibels);
  }
}
