import { Fft } from "../audio/fft.ts";

/** A short-time spectrum: `frames` rows of `bins` complex values. Frame t begins at sample t·hop − (size − hop). */
export interface Spectrum {
  readonly frames: number;
  readonly bins: number;
  readonly re: Float32Array;
  readonly im: Float32Array;
}

/**
 * Short-time Fourier transform and back by overlap-add, with one window for both ways. Aligned: what comes
 * back lies where it lay. Two frames share one complex transform.
 */
export class ShortTimeFourier {
  readonly bins: number;
  readonly #fft: Fft;
  readonly #re: Float64Array;
  readonly #im: Float64Array;

  /**
   * @param window `size` values whose squares, `hop` apart, sum to 1
   */
  constructor(
    readonly size: number,
    readonly hop: number,
    private readonly window: Float64Array,
  ) {
    this.bins = size / 2 + 1;
    this.#fft = new Fft(size);
    this.#re = new Float64Array(size);
    this.#im = new Float64Array(size);
  }

  /** Enough frames to cover every sample fully. */
  framesFor(samples: number): number {
    return Math.ceil(samples / this.hop) + this.size / this.hop - 1;
  }

  forward(samples: Float32Array): Spectrum {
    const { bins, size, hop } = this;
    const frames = this.framesFor(samples.length);
    const re = new Float32Array(frames * bins);
    const im = new Float32Array(frames * bins);
    for (let frame = 0; frame < frames; frame += 2) {
      const first = frame * hop - (size - hop);
      for (let n = 0; n < size; n++) {
        const weight = this.window[n]!;
        this.#re[n] = (samples[first + n] ?? 0) * weight;
        this.#im[n] = (samples[first + hop + n] ?? 0) * weight;
      }
      this.#fft.forward(this.#re, this.#im);
      this.#untangle(re, im, frame, frames);
    }
    return { frames, bins, re, im };
  }

  /** @param length samples wanted: as many as the spectrum was made of */
  inverse({ frames, bins, re, im }: Spectrum, length: number): Float32Array {
    const { size, hop } = this;
    const output = new Float32Array(length);
    for (let frame = 0; frame < frames; frame += 2) {
      const two = frame + 1 < frames;
      for (let bin = 0; bin < bins; bin++) {
        const a = frame * bins + bin;
        const [ar, ai] = [re[a]!, im[a]!];
        const [br, bi] = two ? [re[a + bins]!, im[a + bins]!] : [0, 0];
        const edge = bin === 0 || bin === bins - 1; // real by nature
        this.#re[bin] = edge ? ar : ar - bi;
        this.#im[bin] = edge ? br : ai + br;
        if (edge) continue;
        this.#re[size - bin] = ar + bi;
        this.#im[size - bin] = br - ai;
      }
      this.#fft.inverse(this.#re, this.#im);
      const first = frame * hop - (size - hop);
      this.#add(output, first, this.#re);
      if (two) this.#add(output, first + hop, this.#im);
    }
    return output;
  }

  #untangle(re: Float32Array, im: Float32Array, frame: number, frames: number): void {
    const { bins, size } = this;
    const two = frame + 1 < frames;
    for (let bin = 0; bin < bins; bin++) {
      const mirror = (size - bin) % size;
      const [ar, ai] = [this.#re[bin]!, this.#im[bin]!];
      const [br, bi] = [this.#re[mirror]!, this.#im[mirror]!];
      const at = frame * bins + bin;
      re[at] = (ar + br) / 2;
      im[at] = (ai - bi) / 2;
      if (!two) continue;
      re[at + bins] = (ai + bi) / 2;
      im[at + bins] = (br - ar) / 2;
    }
  }

  #add(output: Float32Array, first: number, block: Float64Array): void {
    const from = Math.max(0, -first);
    const to = Math.min(this.size, output.length - first);
    for (let n = from; n < to; n++) output[first + n]! += (block[n]! * this.window[n]!) / this.size;
  }
}

/** Square root of a periodic Hann window. */
export function rootHann(size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, n) => Math.sin((Math.PI * n) / size));
}

/** The window of the Vorbis specification. */
export function vorbisWindow(size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, n) => {
    const sine = Math.sin((Math.PI * (n + 0.5)) / size);
    return Math.sin((Math.PI / 2) * sine * sine);
  });
}
