import { edgeFadeSamples, type PcmRing } from "./pcm-ring.ts";

/** FFmpeg fills holes longer than 100 ms with silence; shorter silence is the source's own. */
const leastSilentSamples = 4600;
/** The millisecond beside the silence tells whether the sound breaks off there or had died away. */
const besideSamples = 48;
/** −40 dBFS: a step from less than this to silence is no click. */
const quietPeak = 328;

/**
 * Smooths the joins where a hole in the input's sound (lost packets, a jump of its stamps) was filled with
 * silence: there the sound breaks off and sets in with a step, which is heard as a click. Both edges are
 * faded in the delay line, before they are played. What has died away before it is silent stays as it is.
 */
export class SilenceJoins {
  #next = 0;
  #silentFrom: number | undefined;
  /** Where sound has set in after silence, until enough of it is there to be judged and faded. */
  #setsInAt: number | undefined;

  constructor(private readonly ring: PcmRing) {}

  /** Sound has been written to the ring: interleaved stereo. */
  wrote(startSample: number, samples: Int16Array): void {
    if (startSample !== this.#next) {
      this.#silentFrom = undefined;
      this.#setsInAt = undefined;
    }
    for (let n = 0; n < samples.length; n += 2) {
      const at = startSample + (n >> 1);
      if (samples[n] !== 0 || samples[n + 1] !== 0) this.#heard(at);
      else {
        this.#silentFrom ??= at;
        if (at - this.#silentFrom === leastSilentSamples) this.#silent(this.#silentFrom);
      }
    }
    this.#next = startSample + samples.length / 2;
    const setsInAt = this.#setsInAt;
    if (setsInAt === undefined || this.#next < setsInAt + edgeFadeSamples) return;
    this.#setsInAt = undefined;
    if (this.#peak(setsInAt) >= quietPeak) this.ring.fade(setsInAt, "in");
  }

  #heard(at: number): void {
    if (this.#silentFrom === undefined) return;
    if (at - this.#silentFrom > leastSilentSamples) this.#setsInAt = at;
    this.#silentFrom = undefined;
  }

  #silent(from: number): void {
    this.#setsInAt = undefined;
    if (this.#peak(from - besideSamples) >= quietPeak) this.ring.fade(from, "out");
  }

  #peak(from: number): number {
    const { samples } = this.ring.read(from, besideSamples);
    return samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
  }
}
