import { type PcmMessage, streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { Clock } from "../sts/clock.ts";

/** Tells when a sample of stream time airs, on our own clock, from what the relay says with each block. */
export class AirClock {
  /** Our clock's reading when sample 0 would have aired. */
  #zeroMs = 0;

  constructor(private readonly clock: Clock) {}

  observe({ startSample, airsInMs }: PcmMessage): void {
    this.#zeroMs = this.clock.now() + airsInMs - (startSample * 1000) / streamSampleRateHz;
  }

  /** Milliseconds on our clock at which the sample airs. */
  airsAtMs(sample: number): number {
    return this.#zeroMs + (sample * 1000) / streamSampleRateHz;
  }
}
