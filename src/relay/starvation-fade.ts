import { fadeEdge } from "../audio/gain.ts";

const channels = 2;
const fadeSamples = 480;

/**
 * Smooths the original where the delay line runs dry (a publisher that stalls longer than D) and where it
 * fills again: nobody announces either, so both are seen from how much sound still lies ahead.
 */
export class StarvationFade {
  #starved = false;

  /**
   * Fades a block in place, if the sound behind it is about to end or has just come back.
   *
   * @param samples interleaved stereo that begins at `startSample`
   * @param endSample one past the newest sample of the delay line
   */
  apply(startSample: number, samples: Int16Array, endSample: number): void {
    const blockEnd = startSample + samples.length / channels;
    if (this.#starved && endSample > startSample) {
      fadeEdge(samples, channels, fadeSamples, "in");
      this.#starved = false;
    }
    if (endSample >= blockEnd + fadeSamples) return;
    this.#starved = true;
    for (let n = 0; n < samples.length; n++) {
      const left = endSample - startSample - Math.floor(n / channels);
      if (left < fadeSamples) {
        const gain = Math.sin((Math.PI / 2) * Math.max(0, left / fadeSamples));
        samples[n] = Math.round(samples[n]! * gain);
      }
    }
  }
}
