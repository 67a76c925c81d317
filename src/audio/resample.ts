import { windowedSinc } from "./windowed-sinc.ts";

/**
 * Band-limited rate conversion of mono audio: a polyphase windowed-sinc filter (Kaiser window,
 * stopband about −80 dB), linear phase, its delay removed: output sample n lies at input time
 * n · fromHz / toHz. The passband reaches 0.84 of the lower rate's Nyquist frequency, and nothing
 * above that Nyquist frequency folds back.
 */

/** Zero crossings of the sinc on each side, counted at the lower of the two rates. */
const zeroCrossings = 32;
/** The cutoff lies half a transition band under Nyquist, so that the stopband begins at Nyquist. */
const relativeCutoff = 0.92;

interface Polyphase {
  /** The rates' ratio in lowest terms: `up` phases, and an advance of `down` phases a sample. */
  readonly up: number;
  readonly down: number;
  /** Input samples that a sample's filter reaches to each side. */
  readonly reach: number;
  /** `up` rows of `2 * reach` coefficients. */
  readonly taps: Float32Array;
}

const designs = new Map<string, Polyphase>();
const designsKept = 16;

/**
 * Converts a whole signal.
 *
 * @param input mono samples at `fromHz`
 * @returns `ceil(input.length * toHz / fromHz)` samples at `toHz`
 * @throws {RangeError} when a rate is not a positive integer
 */
export function resample(input: Float32Array, fromHz: number, toHz: number): Float32Array {
  if (fromHz === toHz) return input.slice();
  const stream = new StreamResampler(fromHz, toHz);
  const first = stream.push(input);
  const rest = stream.flush();
  const output = new Float32Array(first.length + rest.length);
  output.set(first, 0);
  output.set(rest, first.length);
  return output;
}

/**
 * The same conversion for a signal that arrives in pieces: the pieces' outputs, joined, equal
 * {@link resample} of the whole. Holds back `reach` input samples (2 ms at 48 → 16 kHz).
 */
export class StreamResampler {
  readonly #design: Polyphase;
  /** Input samples not yet out of every filter's reach; starts with `reach` zeros before the signal. */
  #held: Float32Array;
  /** Index within `#held` of the input sample under the next output's centre, and its phase. */
  #centre: number;
  #phase = 0;
  #received = 0;
  #produced = 0;

  constructor(
    readonly fromHz: number,
    readonly toHz: number,
  ) {
    this.#design = design(fromHz, toHz);
    this.#centre = this.#design.reach - 1;
    this.#held = new Float32Array(this.#centre);
  }

  /** Takes mono input and returns the output that is complete by now (may be empty). */
  push(input: Float32Array): Float32Array {
    this.#received += input.length;
    return this.#run(input, Number.POSITIVE_INFINITY);
  }

  /** Ends the signal (as if silence followed) and returns what was held back; begins anew after it. */
  flush(): Float32Array {
    const { up, down, reach } = this.#design;
    const wanted = Math.ceil((this.#received * up) / down) - this.#produced;
    const output = this.#run(new Float32Array(reach + 1), wanted);
    this.#centre = reach - 1;
    this.#held = new Float32Array(this.#centre);
    this.#phase = 0;
    this.#received = 0;
    this.#produced = 0;
    return output;
  }

  #run(input: Float32Array, atMost: number): Float32Array {
    const { up, down, reach, taps } = this.#design;
    const signal = new Float32Array(this.#held.length + input.length);
    signal.set(this.#held, 0);
    signal.set(input, this.#held.length);
    const width = 2 * reach;
    const room = signal.length - reach - this.#centre;
    const possible = room <= 0 ? 0 : Math.ceil((room * up - this.#phase) / down);
    const count = Math.max(0, Math.min(atMost, possible));
    const output = new Float32Array(count);
    let phase = this.#phase;
    let centre = this.#centre;
    for (let n = 0; n < count; n++) {
      output[n] = dotProduct(signal, centre - reach + 1, taps, phase * width, width);
      phase += down;
      centre += Math.floor(phase / up);
      phase %= up;
    }
    this.#phase = phase;
    this.#centre = centre;
    this.#produced += count;
    const keepFrom = Math.min(signal.length, this.#centre - reach + 1);
    this.#held = signal.slice(keepFrom);
    this.#centre -= keepFrom;
    return output;
  }
}

/** Four sums side by side, so that no addition waits for the one before. */
function dotProduct(
  a: Float32Array,
  aFrom: number,
  b: Float32Array,
  bFrom: number,
  length: number,
): number {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  const whole = length - (length % 4);
  for (let k = 0; k < whole; k += 4) {
    first += a[aFrom + k]! * b[bFrom + k]!;
    second += a[aFrom + k + 1]! * b[bFrom + k + 1]!;
    third += a[aFrom + k + 2]! * b[bFrom + k + 2]!;
    fourth += a[aFrom + k + 3]! * b[bFrom + k + 3]!;
  }
  for (let k = whole; k < length; k++) first += a[aFrom + k]! * b[bFrom + k]!;
  return first + second + third + fourth;
}

function design(fromHz: number, toHz: number): Polyphase {
  for (const rate of [fromHz, toHz]) {
    if (!Number.isInteger(rate) || rate <= 0) {
      throw new RangeError(`a sample rate is a positive integer, not ${rate}`);
    }
  }
  const key = `${fromHz}:${toHz}`;
  const known = designs.get(key);
  if (known) return known;
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const up = toHz / divisor;
  const down = fromHz / divisor;
  const inputPerLower = Math.max(1, fromHz / toHz);
  const reach = Math.ceil(zeroCrossings * inputPerLower);
  const cutoff = relativeCutoff / inputPerLower; // relative to the input's Nyquist frequency
  const taps = new Float32Array(up * 2 * reach);
  for (let phase = 0; phase < up; phase++) {
    let sum = 0;
    for (let k = 0; k < 2 * reach; k++) {
      const distance = k - (reach - 1) - phase / up;
      const value = windowedSinc(distance, cutoff, reach);
      taps[phase * 2 * reach + k] = value;
      sum += value;
    }
    // Every phase passes direct current alike; otherwise a constant would be modulated.
    for (let k = 0; k < 2 * reach; k++) taps[phase * 2 * reach + k]! /= sum;
  }
  const made = { up, down, reach, taps };
  if (designs.size < designsKept) designs.set(key, made);
  return made;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
