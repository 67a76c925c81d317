import { windowedSinc } from "./windowed-sinc.ts";

/** Input samples that the filter reaches to each side of an output sample. */
const reach = 16;
const width = 2 * reach;
/** Positions between two samples for which coefficients are kept; between these they are interpolated. */
const phases = 256;
/** Over at least so much output the way back to whole samples is gone: at most 250 ppm. */
const leastLandingSamples = 4000;

/**
 * Plays interleaved stereo a little faster or slower than it was recorded, by a ratio that may change from
 * piece to piece without a step: a windowed sinc at any position between samples. At ratio 1 the samples
 * come out as they went in; after another ratio they do so again once a piece has led back to whole samples.
 * Holds back 16 samples.
 *
 * Meant for ratios within 1 % of 1: it does not keep what a slower rate cannot carry from folding back.
 */
export class VariableRate {
  /** Input from `reach - 1` samples before the next output's place on. */
  #input: Int16Array = silence;
  /** Place of the next output sample, in samples from the first of {@link #input}. */
  #place = reach - 1;

  /** Input samples that wait for what comes after them; a fraction after a ratio other than 1. */
  get pendingSamples(): number {
    return this.#input.length / 2 - this.#place;
  }

  /**
   * @param input interleaved stereo
   * @param ratio output samples for each input sample
   * @returns the output that is complete by now, interleaved stereo
   */
  push(input: Int16Array, ratio: number): Int16Array {
    const signal = new Int16Array(this.#input.length + input.length);
    signal.set(this.#input);
    signal.set(input, this.#input.length);
    const place = this.#place;
    const room = signal.length / 2 - reach - place;
    const count = room <= 0 ? 0 : Math.ceil(room * ratio);
    let next = place + count / ratio;
    if (ratio === 1 && count >= leastLandingSamples) next = Math.floor(next);
    const output = new Int16Array(count * 2);
    if (ratio === 1 && Number.isInteger(place)) {
      output.set(signal.subarray(place * 2, (place + count) * 2));
    } else {
      const step = (next - place) / count;
      for (let n = 0; n < count; n++) between(signal, place + n * step, output, n);
    }
    const keepFrom = Math.max(0, Math.floor(next) - reach + 1);
    this.#input = signal.slice(keepFrom * 2);
    this.#place = next - keepFrom;
    return output;
  }

  /** Ends the signal as if silence followed: the rest of the output. Begins anew after it. */
  flush(): Int16Array {
    const wanted = Math.max(0, Math.ceil(this.pendingSamples));
    const rest = this.push(new Int16Array(2 * (reach + 1)), 1);
    this.#input = silence;
    this.#place = reach - 1;
    return rest.subarray(0, wanted * 2);
  }
}

const silence = new Int16Array(2 * (reach - 1));

/** One row of `width` coefficients for each phase, and one more to interpolate towards. */
const taps = (() => {
  const made = new Float64Array((phases + 1) * width);
  for (let phase = 0; phase <= phases; phase++) {
    const row = made.subarray(phase * width, (phase + 1) * width);
    for (let k = 0; k < width; k++)
      row[k] = windowedSinc(k - (reach - 1) - phase / phases, 1, reach);
    // Every phase passes direct current alike; otherwise a constant would be modulated.
    const sum = row.reduce((total, value) => total + value, 0);
    for (let k = 0; k < width; k++) row[k]! /= sum;
  }
  return made;
})();

/** The signal at a place between its samples, written as output sample `n`. */
function between(signal: Int16Array, place: number, output: Int16Array, n: number): void {
  const whole = Math.floor(place);
  const phase = (place - whole) * phases;
  const row = Math.floor(phase) * width;
  const towardsNext = phase - Math.floor(phase);
  let left = 0;
  let right = 0;
  for (let k = 0, at = (whole - reach + 1) * 2; k < width; k++, at += 2) {
    const low = taps[row + k] as number;
    const tap = low + towardsNext * ((taps[row + width + k] as number) - low);
    left += tap * (signal[at] as number);
    right += tap * (signal[at + 1] as number);
  }
  output[2 * n] = clamped(left);
  output[2 * n + 1] = clamped(right);
}

function clamped(sample: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(sample)));
}
