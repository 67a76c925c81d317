/**
 * The power spectrum of real frames of one fixed length, by a mixed-radix Cooley–Tukey transform:
 * radix 2 while the length is even, then a plain transform of the odd rest (400 = 2⁴ · 25).
 */
export class PowerSpectrum {
  readonly bins: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #real: Float64Array;
  readonly #imaginary: Float64Array;

  /** @param length samples per frame, even */
  constructor(readonly length: number) {
    if (length < 2 || length % 2 !== 0) throw new RangeError("the frame length must be even");
    this.bins = length / 2 + 1;
    this.#cos = Float64Array.from({ length }, (_, i) => Math.cos((2 * Math.PI * i) / length));
    this.#sin = Float64Array.from({ length }, (_, i) => -Math.sin((2 * Math.PI * i) / length));
    this.#real = new Float64Array(length);
    this.#imaginary = new Float64Array(length);
  }

  /** Writes |X[k]|² for k = 0..length/2 into `power`. */
  compute(frame: Float64Array, power: Float64Array): void {
    this.#transform(frame, 0, 1, this.length, 0);
    for (let k = 0; k < this.bins; k++) {
      const re = this.#real[k]!;
      const im = this.#imaginary[k]!;
      power[k] = re * re + im * im;
    }
  }

  /** Transform of every `stride`-th sample from `from`, `count` of them, into the scratch at `to`. */
  #transform(frame: Float64Array, from: number, stride: number, count: number, to: number): void {
    if (count % 2 !== 0) return this.#plain(frame, from, stride, count, to);
    const half = count / 2;
    this.#transform(frame, from, stride * 2, half, to);
    this.#transform(frame, from + stride, stride * 2, half, to + half);
    const [cosines, sines, real, imaginary] = [this.#cos, this.#sin, this.#real, this.#imaginary];
    const step = this.length / count;
    for (let k = 0; k < half; k++) {
      const cos = cosines[k * step]!;
      const sin = sines[k * step]!;
      const oddRe = real[to + half + k]!;
      const oddIm = imaginary[to + half + k]!;
      const turnedRe = oddRe * cos - oddIm * sin;
      const turnedIm = oddRe * sin + oddIm * cos;
      const evenRe = real[to + k]!;
      const evenIm = imaginary[to + k]!;
      real[to + k] = evenRe + turnedRe;
      imaginary[to + k] = evenIm + turnedIm;
      real[to + half + k] = evenRe - turnedRe;
      imaginary[to + half + k] = evenIm - turnedIm;
    }
  }

  #plain(frame: Float64Array, from: number, stride: number, count: number, to: number): void {
    const [cos, sin, real, imaginary] = [this.#cos, this.#sin, this.#real, this.#imaginary];
    const step = this.length / count;
    for (let k = 0; k <= count >> 1; k++) {
      let re = 0;
      let im = 0;
      for (let n = 0, turn = 0; n < count; n++) {
        const sample = frame[from + n * stride]!;
        re += sample * cos[turn * step]!;
        im += sample * sin[turn * step]!;
        turn += k;
        if (turn >= count) turn -= count;
      }
      real[to + k] = re;
      imaginary[to + k] = im;
      if (k === 0) continue;
      real[to + count - k] = re; // real input: the upper half mirrors the lower
      imaginary[to + count - k] = -im;
    }
  }
}
