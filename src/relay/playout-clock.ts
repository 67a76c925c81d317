import { streamSampleRateHz } from "../protocol/relay-worker.ts";

const samplesPerMs = streamSampleRateHz / 1000;

/** Earliest arrivals are kept per second, over this many seconds: jitter within it never shows. */
const bucketMs = 1000;
const bucketsKept = 10;
/** Time constant with which the clock follows; at 50 ppm of drift it stays half a millisecond behind. */
const timeConstantMs = 10_000;
/** The clock never runs more than this off nominal speed (milliseconds a second). */
const maxSlewMsPerSecond = 5;

/**
 * M(s): when stream time s arrives, on the monotonic clock. What has stream time s is played at
 * M(s) + D, so this is what keeps the delay constant.
 *
 * A phase-locked loop over the *earliest* arrivals: late packets (network jitter, stalls) do not move it,
 * a source clock that is some ppm off does, slowly. Until {@link lock} it jumps to each earlier arrival,
 * because nothing is played yet.
 */
export class PlayoutClock {
  #offsetMs: number | undefined;
  #locked = false;
  #buckets: { readonly index: number; earliestMs: number }[] = [];
  #advancedAtMs: number | undefined;

  /** False until the first arrival. */
  get isSet(): boolean {
    return this.#offsetMs !== undefined;
  }

  /** Everything up to stream time `sample` has arrived at `nowMs`. */
  observe(sample: number, nowMs: number): void {
    const offsetMs = nowMs - sample / samplesPerMs;
    if (this.#offsetMs === undefined) this.#offsetMs = offsetMs;
    if (!this.#locked) this.#offsetMs = Math.min(this.#offsetMs, offsetMs);
    const index = Math.floor(nowMs / bucketMs);
    const last = this.#buckets.at(-1);
    if (last?.index === index) last.earliestMs = Math.min(last.earliestMs, offsetMs);
    else this.#buckets.push({ index, earliestMs: offsetMs });
    while (this.#buckets.length > bucketsKept) this.#buckets.shift();
  }

  /** Playing begins: from now on the clock moves only within its rate limit. */
  lock(nowMs: number): void {
    this.#locked = true;
    this.#advancedAtMs = nowMs;
  }

  /** Forgets earlier arrivals, because a new span was placed by another rule than theirs. */
  forgetArrivals(): void {
    this.#buckets = [];
  }

  /** Moves the clock towards the earliest arrivals of the last seconds; call it before each reading. */
  advance(nowMs: number): void {
    if (!this.#locked || this.#offsetMs === undefined || this.#advancedAtMs === undefined) return;
    const elapsedMs = nowMs - this.#advancedAtMs;
    this.#advancedAtMs = nowMs;
    const oldest = Math.floor(nowMs / bucketMs) - bucketsKept;
    const recent = this.#buckets.filter((bucket) => bucket.index > oldest);
    if (recent.length === 0 || elapsedMs <= 0) return;
    const target = Math.min(...recent.map((bucket) => bucket.earliestMs));
    const wanted = (target - this.#offsetMs) * Math.min(1, elapsedMs / timeConstantMs);
    const limit = (maxSlewMsPerSecond * elapsedMs) / 1000;
    this.#offsetMs += Math.max(-limit, Math.min(limit, wanted));
  }

  /** M(s) in milliseconds of the monotonic clock; stream time as samples. */
  arrivalMs(sample: number): number {
    return (this.#offsetMs ?? 0) + sample / samplesPerMs;
  }

  /** The inverse: which stream time (in samples, fractional) arrives at a moment. */
  sampleAt(arrivalMs: number): number {
    return (arrivalMs - (this.#offsetMs ?? 0)) * samplesPerMs;
  }
}
