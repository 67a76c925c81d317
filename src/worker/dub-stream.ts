import { toInt16 } from "../audio/pcm.ts";
import { StreamResampler } from "../audio/resample.ts";
import { streamSampleRateHz } from "../protocol/relay-worker.ts";

/** Dub at stream rate, mono s16, its first sample at `startSample`. */
export interface DubPiece {
  readonly startSample: number;
  readonly samples: Int16Array;
}

/** What is quieter was not spoken: two steps of 16 bits, above the resampler's ripple in silence. */
const silent = 2 / 32_768;
/** Silence kept around what sounds, so that the relay's fades of free ends touch no word. */
const padSamples = 20 * (streamSampleRateHz / 1000);

/**
 * The dub of one language as it arrives: fragment after fragment of one continuous sound. Joined without a seam:
 * the rate is converted across the borders, so the last 2 ms of a fragment come with the next one. Only what sounds
 * is given out.
 */
export class DubStream {
  #resampler: StreamResampler | undefined;
  #rateHz = 0;
  /** Where the next fragment begins if it goes on. */
  #nextSample = 0;
  /** Where the resampler's next sample lies. */
  #outputSample = 0;
  /** The piece given out last reaches to the end of its fragment, so that the next one adjoins. */
  #joins = false;

  /**
   * Takes the dub of [startSample, endSample); what is missing at its end is silence, what is beyond it is left out.
   *
   * @param samples mono, -1..1, at `rateHz`
   */
  push(startSample: number, endSample: number, samples: Float32Array, rateHz: number): DubPiece[] {
    const goesOn = this.#nextSample === startSample && this.#rateHz === rateHz;
    const before = goesOn ? [] : this.breakOff();
    const length = Math.round(((endSample - startSample) * rateHz) / streamSampleRateHz);
    const input = new Float32Array(length);
    input.set(samples.subarray(0, length));
    const sounds = input.some((sample) => sample !== 0);
    this.#nextSample = endSample;
    this.#rateHz = rateHz;
    if (this.#resampler === undefined) {
      if (!sounds) return before;
      this.#resampler = new StreamResampler(rateHz, streamSampleRateHz);
      this.#outputSample = startSample;
      this.#joins = false;
    }
    const piece = this.#give(this.#resampler.push(input));
    if (!sounds) this.#resampler = undefined; // its tail has left it
    return [...before, ...piece];
  }

  /** The sound does not go on: gives out what was held back. */
  breakOff(): DubPiece[] {
    if (this.#resampler === undefined) return [];
    const rest = this.#give(this.#resampler.flush());
    this.#resampler = undefined;
    this.#joins = false;
    return rest;
  }

  /** The part of the output that sounds, with a little silence around it. */
  #give(output: Float32Array): DubPiece[] {
    const startSample = this.#outputSample;
    this.#outputSample += output.length;
    const first = output.findIndex((sample) => Math.abs(sample) > silent);
    const last = output.findLastIndex((sample) => Math.abs(sample) > silent);
    const joined = this.#joins;
    if (first < 0 && !joined) return [];
    const from = joined ? 0 : first - padSamples; // before 0: silence that was not given out
    const to = Math.min(output.length, Math.max(last + 1, 0) + padSamples);
    this.#joins = to === output.length;
    const samples = new Int16Array(to - from);
    for (let at = Math.max(0, from); at < to; at++)
      samples[at - from] = toInt16(output[at] as number);
    const begins = startSample + from;
    if (begins >= 0) return [{ startSample: begins, samples }];
    return [{ startSample: 0, samples: samples.slice(-begins) }];
  }
}
