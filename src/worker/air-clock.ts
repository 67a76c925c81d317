import { type PcmMessage, streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { Clock } from "../sts/clock.ts";

/** A measure that differs by more is no jitter: the relay has moved its playout, or a new span began. */
const jumpMs = 1000;
/** How much later a sample may be believed to air with each block heard: real clocks drift far less. */
const easeMs = 0.5;

/**
 * Tells when a sample of stream time airs, on our own clock, from what the relay says with each block.
 * A block that reached us late makes its air time look later than it is, so the earliest measure counts.
 */
export class AirClock {
  /** Our clock's reading when sample 0 airs, or would have. */
  #zeroMs: number | undefined;

  constructor(private readonly clock: Clock) {}

  observe({ startSample, airsInMs }: Pick<PcmMessage, "startSample" | "airsInMs">): void {
    const measured = this.clock.now() + airsInMs - (startSample * 1000) / streamSampleRateHz;
    const known = this.#zeroMs;
    this.#zeroMs =
      known === undefined || Math.abs(measured - known) > jumpMs
        ? measured
        : Math.min(measured, known + easeMs);
  }

  /** Milliseconds on our clock at which the sample airs. */
  airsAtMs(sample: number): number {
    return (this.#zeroMs ?? this.clock.now()) + (sample * 1000) / streamSampleRateHz;
  }
}
