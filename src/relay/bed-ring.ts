import { asInt16 } from "../audio/pcm.ts";
import type { BedMessage, BedStretchMessage } from "../protocol/relay-worker.ts";

const channels = 2;
/** Stretches known at once: a worker that cuts finer is not believed. */
const maxStretches = 4096;

type Source = "separated" | "original" | "none";

interface Stretch {
  readonly startSample: number;
  endSample: number;
  readonly source: Source;
}

/** What is known of a block's bed. */
export interface BedBlock {
  /** Interleaved stereo; the original's own samples where it is its own bed. */
  readonly samples: Int16Array;
  /** There is no bed for what follows the block, as far as is known. */
  readonly isLast: boolean;
}

/**
 * A stream's bed as its worker tells it, addressed by stream time and bounded to `capacitySamples` from
 * the playout position on. What comes after its time is dropped and counted.
 */
export class BedRing {
  readonly counters = { bedSamples: 0, lateBedSamples: 0, refusedBedSamples: 0 };
  readonly #ring: Int16Array;
  #stretches: Stretch[] = [];
  #settledUntil = 0;

  constructor(readonly capacitySamples: number) {
    this.#ring = new Int16Array(capacitySamples * channels);
  }

  /** Every sample before this one has been told of. */
  get settledUntil(): number {
    return this.#settledUntil;
  }

  /** @param playedSample the first sample not yet mixed */
  receive(message: BedMessage | BedStretchMessage, playedSample: number): void {
    const isSound = message.type === "bed";
    const sound = isSound ? asInt16(message.pcm) : undefined;
    const { startSample } = message;
    const endSample = isSound ? startSample + message.pcm.length / 4 : message.endSample;
    if (endSample <= startSample) return;
    this.#forget(playedSample);
    const from = Math.max(startSample, playedSample);
    if (isSound) this.counters.lateBedSamples += Math.min(from, endSample) - startSample;
    this.#settledUntil = Math.max(this.#settledUntil, endSample);
    if (from >= endSample) return;
    const tooFar = endSample > playedSample + this.capacitySamples;
    if (tooFar || this.#stretches.length >= maxStretches) {
      this.counters.refusedBedSamples += endSample - from;
      return;
    }
    if (sound !== undefined) this.#put(from, sound.subarray((from - startSample) * channels));
    this.#remember(from, endSample, isSound ? "separated" : message.source);
  }

  /**
   * The bed of `count` samples.
   * @param original what is played where it is its own bed
   * @returns undefined unless there is a bed for every sample
   */
  read(startSample: number, count: number, original: Int16Array): BedBlock | undefined {
    const endSample = startSample + count;
    let samples: Int16Array | undefined;
    for (let at = startSample; at < endSample;) {
      const stretch = this.#stretchAt(at);
      if (stretch === undefined || stretch.source === "none") return undefined;
      const until = Math.min(endSample, stretch.endSample);
      if (stretch.source === "separated") {
        samples ??= original.slice();
        this.#copy(at, until, samples, startSample);
      }
      at = until;
    }
    const next = this.#stretchAt(endSample)?.source ?? "none";
    return { samples: samples ?? original, isLast: next === "none" };
  }

  /** Of two tellings the later counts: a new worker may tell of what the old one has told. */
  #stretchAt(sample: number): Stretch | undefined {
    return this.#stretches.findLast(
      ({ startSample, endSample }) => startSample <= sample && endSample > sample,
    );
  }

  #remember(startSample: number, endSample: number, source: Source): void {
    this.counters.bedSamples += source === "separated" ? endSample - startSample : 0;
    const last = this.#stretches.at(-1);
    if (last?.endSample === startSample && last.source === source) last.endSample = endSample;
    else this.#stretches.push({ startSample, endSample, source });
  }

  #forget(playedSample: number): void {
    if ((this.#stretches[0]?.endSample ?? Number.POSITIVE_INFINITY) > playedSample) return;
    this.#stretches = this.#stretches.filter(({ endSample }) => endSample > playedSample);
  }

  #put(startSample: number, samples: Int16Array): void {
    const total = samples.length / channels;
    for (let done = 0; done < total;) {
      const place = (startSample + done) % this.capacitySamples;
      const run = Math.min(total - done, this.capacitySamples - place);
      this.#ring.set(samples.subarray(done * channels, (done + run) * channels), place * channels);
      done += run;
    }
  }

  #copy(from: number, to: number, output: Int16Array, outputStart: number): void {
    for (let at = from; at < to;) {
      const place = at % this.capacitySamples;
      const run = Math.min(to - at, this.capacitySamples - place);
      const piece = this.#ring.subarray(place * channels, (place + run) * channels);
      output.set(piece, (at - outputStart) * channels);
      at += run;
    }
  }
}
