/** The recent part of a mono signal, addressed by absolute sample; its owner drops what is done with. */
export class SampleWindow {
  #start: number;
  #samples = new Float32Array(48_000);
  #length = 0;

  constructor(startSample: number) {
    this.#start = startSample;
  }

  /** First sample after the window. */
  get end(): number {
    return this.#start + this.#length;
  }

  append(samples: Float32Array): void {
    const needed = this.#length + samples.length;
    if (needed > this.#samples.length) {
      const grown = new Float32Array(Math.max(needed, this.#samples.length * 2));
      grown.set(this.#samples.subarray(0, this.#length));
      this.#samples = grown;
    }
    this.#samples.set(samples, this.#length);
    this.#length = needed;
  }

  /** A copy of [from, to); samples outside the window are silence. */
  slice(from: number, to: number): Float32Array {
    const wanted = new Float32Array(Math.max(0, to - from));
    const first = Math.max(from, this.#start);
    const last = Math.min(to, this.end);
    if (last > first)
      wanted.set(this.#samples.subarray(first - this.#start, last - this.#start), first - from);
    return wanted;
  }

  dropBefore(sample: number): void {
    const drop = Math.min(this.#length, sample - this.#start);
    if (drop <= 0) return;
    this.#samples.copyWithin(0, drop, this.#length);
    this.#length -= drop;
    this.#start += drop;
  }
}
