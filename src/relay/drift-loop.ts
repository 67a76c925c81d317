const rateHz = 48_000;
/** Natural frequency of the loop, critically damped: a step of its input is followed in about 20 s. */
const naturalRadians = 0.25;
const integralGain = naturalRadians ** 2;
const proportionalGain = 2 * naturalRadians;
/** Stamps are measured by their mean over this long: neither rounding nor jitter of single ones counts. */
const meanSamples = rateHz / 2;
/** A clock further off than this is none. */
const mostDrift = 0.005;
/** What is added to the drift to be right again: 2.6 cents in pitch, which nobody hears. */
const mostCorrection = 0.0015;
/** Sound is left as it is until it is 1.25 ms off: containers round stamps to 1 ms. */
const followFromSamples = 60;
/** It is left alone again when for 10 s it was right to a quarter of a millisecond with next to no drift. */
const rightWithinSamples = 12;
const leastDrift = 10e-6;
const rightForSamples = 10 * rateHz;

/**
 * Finds how much faster or slower sound has to be played to stay with its stamps: a loop of the second order,
 * so a source whose clock is steadily off is followed with no error left. Sound that keeps to its stamps has
 * the ratio 1, exactly.
 */
export class DriftLoop {
  #off = 0;
  #drift = 0;
  #isFollowing = false;
  #rightSamples = 0;
  #ratio = 1;

  /** Output samples for each input sample. */
  get ratio(): number {
    return this.#ratio;
  }

  /**
   * @param offSamples how much later the stamps put a run than it would be played
   * @param count samples of the run
   */
  observe(offSamples: number, count: number): void {
    this.#off += (offSamples - this.#off) * Math.min(1, count / meanSamples);
    const amount = Math.abs(this.#off);
    if (amount > followFromSamples) this.#isFollowing = true;
    if (!this.#isFollowing) return;
    const offSeconds = this.#off / rateHz;
    this.#drift = within(this.#drift + (integralGain * offSeconds * count) / rateHz, mostDrift);
    this.#ratio = 1 + this.#drift + within(proportionalGain * offSeconds, mostCorrection);
    const isRight = amount < rightWithinSamples && Math.abs(this.#drift) < leastDrift;
    this.#rightSamples = isRight ? this.#rightSamples + count : 0;
    if (this.#rightSamples >= rightForSamples) this.reset();
  }

  /** The sound has been put right by other means; its clock is what it was. */
  settle(): void {
    this.#off = 0;
    this.#ratio = 1 + this.#drift;
  }

  /** What comes has nothing to do with what was. */
  reset(): void {
    this.#off = 0;
    this.#drift = 0;
    this.#ratio = 1;
    this.#isFollowing = false;
    this.#rightSamples = 0;
  }
}

function within(value: number, most: number): number {
  return Math.max(-most, Math.min(most, value));
}
