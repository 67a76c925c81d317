import { fadeEdge } from "../audio/gain.ts";

const channels = 2;
/** Where sound breaks off or sets in (a publisher that went or came), its edge is faded this long. */
export const edgeFadeSamples = 480;

/**
 * The original's sound in the delay line: interleaved stereo samples addressed by stream time, the
 * newest `capacitySamples` of them. Written in order; a write that begins later leaves a hole, which
 * reads as silence and is told apart from it.
 */
export class PcmRing {
  readonly #ring: Int16Array;
  #startSample = 0;
  #endSample = 0;
  #holes: { startSample: number; endSample: number }[] = [];

  constructor(readonly capacitySamples: number) {
    this.#ring = new Int16Array(capacitySamples * channels);
  }

  /** One past the newest sample. */
  get endSample(): number {
    return this.#endSample;
  }

  /**
   * Appends samples; what lies before the end is already written and left out, and the oldest samples
   * beyond the capacity are forgotten.
   *
   * @param samples interleaved stereo
   * @param edge `begin` where the samples do not go on from the ones before: they are faded in
   * @returns how many samples were new
   */
  write(startSample: number, samples: Int16Array, edge: "continue" | "begin" = "continue"): number {
    const count = samples.length / channels;
    const skip = Math.max(0, this.#endSample - startSample);
    if (skip >= count) return 0;
    if (startSample > this.#endSample) this.#openHole(startSample);
    const fresh = samples.slice(skip * channels);
    if (edge === "begin") fadeEdge(fresh, channels, edgeFadeSamples, "in");
    this.#put(startSample + skip, fresh);
    this.#endSample = startSample + count;
    this.#startSample = Math.max(this.#startSample, this.#endSample - this.capacitySamples);
    return count - skip;
  }

  /** Fades the newest samples out: nothing will follow them without a gap. */
  fadeOutEnd(): void {
    this.fade(this.#endSample, "out");
  }

  /** Fades, within the ring, the samples that end before `at` out, or those that begin there in. */
  fade(at: number, edge: "in" | "out"): void {
    const from = Math.max(edge === "out" ? at - edgeFadeSamples : at, this.#startSample);
    const to = Math.min(edge === "out" ? at : at + edgeFadeSamples, this.#endSample);
    if (from >= to) return;
    const { samples } = this.read(from, to - from);
    fadeEdge(samples, channels, edgeFadeSamples, edge);
    this.#put(from, samples);
  }

  /**
   * Reads `count` samples; what is not there is silence.
   * @returns interleaved stereo, and how many of the samples were there
   */
  read(startSample: number, count: number): { samples: Int16Array; present: number } {
    const samples = new Int16Array(count * channels);
    const from = Math.max(startSample, this.#startSample);
    const to = Math.min(startSample + count, this.#endSample);
    if (from >= to) return { samples, present: 0 };
    for (let at = from; at < to;) {
      const place = at % this.capacitySamples;
      const run = Math.min(to - at, this.capacitySamples - place);
      const piece = this.#ring.subarray(place * channels, (place + run) * channels);
      samples.set(piece, (at - startSample) * channels);
      at += run;
    }
    let present = to - from;
    for (const hole of this.#holes) {
      present -= Math.max(0, Math.min(to, hole.endSample) - Math.max(from, hole.startSample));
    }
    return { samples, present };
  }

  #openHole(untilSample: number): void {
    const holeStart = this.#endSample;
    if (holeStart > 0) this.#holes.push({ startSample: holeStart, endSample: untilSample });
    const silentFrom = Math.max(holeStart, untilSample - this.capacitySamples);
    for (let at = silentFrom; at < untilSample;) {
      const place = at % this.capacitySamples;
      const run = Math.min(untilSample - at, this.capacitySamples - place);
      this.#ring.fill(0, place * channels, (place + run) * channels);
      at += run;
    }
    this.#endSample = untilSample;
    if (holeStart === 0) this.#startSample = untilSample;
    this.#startSample = Math.max(this.#startSample, untilSample - this.capacitySamples);
    this.#holes = this.#holes.filter((hole) => hole.endSample > this.#startSample);
  }

  #put(startSample: number, samples: Int16Array): void {
    const total = samples.length / channels;
    const skip = Math.max(0, total - this.capacitySamples);
    for (let done = skip; done < total;) {
      const place = (startSample + done) % this.capacitySamples;
      const run = Math.min(total - done, this.capacitySamples - place);
      this.#ring.set(samples.subarray(done * channels, (done + run) * channels), place * channels);
      done += run;
    }
  }
}
