import { fromDecibels } from "./gain.ts";

/** How fast a background goes down and comes back. */
export interface DuckTiming {
  readonly attackMs: number;
  /** Kept down this long after the last word, so that the background does not pump between words. */
  readonly holdMs: number;
  readonly releaseMs: number;
}

const defaultDuckTiming: DuckTiming = { attackMs: 50, holdMs: 1000, releaseMs: 400 };

/** What the ducker is told of a block: `release` gives the background back at once, without the hold. */
export type DuckDemand = "duck" | "idle" | "release";

/** The level of a background under a dub: falls within the attack, holds, recovers within the release. */
export class Ducker {
  #decibels = 0;
  /** How deep it was ducked last: the attack and the release take their time over all of it. */
  #depth = 0;
  #heldMs = Number.POSITIVE_INFINITY;

  constructor(private readonly timing: DuckTiming = defaultDuckTiming) {}

  /**
   * The linear gain at the end of the next block.
   * @param depthDb how far to go down on `duck`, in dB, 0 or less
   */
  next(demand: DuckDemand, depthDb: number, blockMs: number): number {
    const { attackMs, holdMs, releaseMs } = this.timing;
    if (demand === "duck") {
      this.#heldMs = 0;
      this.#depth = Math.min(this.#depth, depthDb);
      this.#approach(depthDb, blockMs / attackMs, blockMs / releaseMs);
    } else {
      this.#heldMs = demand === "release" ? Number.POSITIVE_INFINITY : this.#heldMs + blockMs;
      if (this.#heldMs > holdMs) this.#approach(0, blockMs / attackMs, blockMs / releaseMs);
      if (this.#decibels === 0) this.#depth = 0;
    }
    return fromDecibels(this.#decibels);
  }

  #approach(target: number, attackShare: number, releaseShare: number): void {
    const step = -this.#depth * (target < this.#decibels ? attackShare : releaseShare);
    const distance = target - this.#decibels;
    this.#decibels += Math.sign(distance) * Math.min(Math.abs(distance), step);
  }
}
