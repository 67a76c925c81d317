/**
 * A look-ahead limiter of the true peak: what lies between the samples is measured by fourfold
 * oversampling (ITU-R BS.1770-5, annex 2), and the gain is down before the peak comes.
 */

/** Gain is lowered over this long before a peak: 5 ms at 48 kHz. */
const lookaheadSamples = 240;
/** After a peak the gain recovers by this share of what is missing a sample: 100 ms. */
const releaseShare = 1 / 4800;
/** Samples on each side that the interpolation reaches to. */
const reach = 6;
const oversampling = 4;
/** Peaks between samples of a signal this far below the ceiling do not reach it. */
const safeShare = 0.5;
/** Closer to 1 than this the gain is 1: a ten-thousandth of a decibel. */
const settled = 1e-5;

/** Taps of an interpolation: samples on both sides of the place. */
const width = 2 * reach;

/** Windowed-sinc interpolation to the three places between two samples, one row each; a row sums to 1. */
const phases = Float64Array.from(
  Array.from({ length: oversampling - 1 }, (_, index) => {
    const fraction = (index + 1) / oversampling;
    const row = Array.from({ length: width }, (_unused, n) => {
      const x = n - (reach - 1) - fraction;
      const window = Math.cos((Math.PI * x) / (2 * (reach + 0.5))) ** 2;
      return (Math.sin(Math.PI * x) / (Math.PI * x)) * window;
    });
    const sum = row.reduce((total, tap) => total + tap, 0);
    return row.map((tap) => tap / sum);
  }).flat(),
);

/** Limits interleaved stereo, block by block; what it gives lies one block behind what it takes. */
export class TruePeakLimiter {
  /** Samples before the held block, the held block, and (while working) the next one. */
  #history: Float32Array;
  /** Gain that each sample needs: of the held block and, as far as known, the next. */
  #needed: Float32Array;
  /** Running minima, of which the gain is the mean: the last `lookaheadSamples` before the held block. */
  #recent = new Float32Array(lookaheadSamples).fill(1);
  #recovering = 1;

  /**
   * @param blockSamples samples (pairs) in each block; at least 256
   * @param ceiling greatest true peak, in the samples' own scale
   */
  constructor(
    readonly blockSamples: number,
    readonly ceiling: number,
  ) {
    this.#history = new Float32Array((2 * blockSamples + reach) * 2);
    this.#needed = new Float32Array(2 * blockSamples).fill(1);
  }

  /**
   * Takes the next block.
   * @returns the gains of the block before, one a sample; undefined where all of them are 1
   */
  push(block: ArrayLike<number>): Float32Array | undefined {
    const { blockSamples } = this;
    this.#history.copyWithin(0, blockSamples * 2);
    for (let n = 0; n < blockSamples * 2; n++)
      this.#history[(blockSamples + reach) * 2 + n] = block[n]!;
    this.#needed.copyWithin(0, blockSamples);
    this.#measure();
    return this.#gains();
  }

  /** The gains that the newest samples need; the last `reach` of them are measured with the next block. */
  #measure(): void {
    const { blockSamples, ceiling } = this;
    const history = this.#history;
    const first = blockSamples; // in pairs: `reach` before the new block's first sample
    const end = first + blockSamples;
    this.#needed.fill(1, blockSamples);
    const loud = ceiling * safeShare;
    // Only around loud samples is it worth while to look between them.
    let next = first;
    for (let pair = first - reach + 1; pair < end + reach; pair++) {
      if (Math.abs(history[2 * pair]!) < loud && Math.abs(history[2 * pair + 1]!) < loud) continue;
      next = Math.max(next, pair - reach);
      for (const until = Math.min(end, pair + reach); next < until; next++) this.#judge(next);
    }
  }

  #judge(pair: number): void {
    const history = this.#history;
    const peak = Math.max(peakAt(history, pair, 0), peakAt(history, pair, 1));
    if (peak <= this.ceiling) return;
    const gain = this.ceiling / peak;
    const needed = this.#needed;
    const place = pair - reach; // index within `needed`: 0 is the held block's first sample
    for (let at = Math.max(0, place); at <= place + 1 && at < needed.length; at++)
      needed[at] = Math.min(needed[at]!, gain);
  }

  #gains(): Float32Array | undefined {
    const { blockSamples } = this;
    const needed = this.#needed;
    let quiet = this.#recovering === 1 && this.#recent.every((gain) => gain === 1);
    if (quiet)
      for (let n = 0; n < blockSamples + lookaheadSamples; n++) if (needed[n]! < 1) quiet = false;
    if (quiet) return undefined;
    const minima = new Float32Array(lookaheadSamples + blockSamples);
    minima.set(this.#recent);
    const ahead = leastAhead(needed, blockSamples);
    for (let n = 0; n < blockSamples; n++) {
      const least = ahead[n]!;
      const back = this.#recovering + (1 - this.#recovering) * releaseShare;
      this.#recovering = Math.min(least, 1 - back < settled ? 1 : back);
      minima[lookaheadSamples + n] = this.#recovering;
    }
    this.#recent = minima.slice(blockSamples);
    const gains = new Float32Array(blockSamples);
    let sum = 0;
    for (let n = 1; n < lookaheadSamples; n++) sum += minima[n]!;
    for (let n = 0; n < blockSamples; n++) {
      sum += minima[n + lookaheadSamples]!;
      gains[n] = Math.min(1, sum / lookaheadSamples);
      sum -= minima[n + 1]!;
    }
    return gains;
  }
}

/**
 * For each of `count` samples the least of the `lookaheadSamples` from it on. In pieces of that length,
 * each stretch is the end of one and the beginning of the next (van Herk, 1992).
 */
function leastAhead(values: Float32Array, count: number): Float32Array {
  const length = count + lookaheadSamples;
  const fromStart = new Float32Array(length);
  for (let n = 0; n < length; n++) {
    const isFirst = n % lookaheadSamples === 0;
    fromStart[n] = isFirst ? values[n]! : Math.min(fromStart[n - 1]!, values[n]!);
  }
  const least = new Float32Array(count);
  let toEnd = 1;
  for (let n = length - 1; n >= 0; n--) {
    const isLast = n % lookaheadSamples === lookaheadSamples - 1;
    toEnd = isLast ? values[n]! : Math.min(toEnd, values[n]!);
    if (n < count) least[n] = Math.min(toEnd, fromStart[n + lookaheadSamples - 1]!);
  }
  return least;
}

/** The greatest magnitude at a sample and at the three places between it and the next. */
function peakAt(history: Float32Array, pair: number, channel: number): number {
  let peak = Math.abs(history[pair * 2 + channel]!);
  const from = (pair - (reach - 1)) * 2 + channel;
  for (let row = 0; row < phases.length; row += width) {
    let value = 0;
    for (let n = 0; n < width; n++) value += phases[row + n]! * (history[from + 2 * n] ?? 0);
    peak = Math.max(peak, Math.abs(value));
  }
  return peak;
}
