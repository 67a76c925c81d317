const channels = 2;

/** The recent part of an interleaved stereo signal, addressed by absolute sample. */
export class StereoWindow {
  #samples = new Int16Array(2 * 96_000);
  #start: number;
  #length = 0;

  constructor(startSample: number) {
    this.#start = startSample;
  }

  /** One past the newest sample. */
  get endSample(): number {
    return this.#start + this.#length;
  }

  append(samples: Int16Array): void {
    const needed = this.#length * channels + samples.length;
    if (needed > this.#samples.length) {
      const grown = new Int16Array(Math.max(needed, this.#samples.length * 2));
      grown.set(this.#samples.subarray(0, this.#length * channels));
      this.#samples = grown;
    }
    this.#samples.set(samples, this.#length * channels);
    this.#length += samples.length / channels;
  }

  /** A copy of [from, to); what lies outside the window is silence. */
  slice(from: number, to: number): Int16Array {
    const wanted = new Int16Array(Math.max(0, to - from) * channels);
    const first = Math.max(from, this.#start);
    const last = Math.min(to, this.endSample);
    if (last <= first) return wanted;
    const piece = this.#samples.subarray(
      (first - this.#start) * channels,
      (last - this.#start) * channels,
    );
    wanted.set(piece, (first - from) * channels);
    return wanted;
  }

  dropBefore(sample: number): void {
    const drop = Math.min(this.#length, sample - this.#start);
    if (drop <= 0) return;
    this.#samples.copyWithin(0, drop * channels, this.#length * channels);
    this.#length -= drop;
    this.#start += drop;
  }
}
