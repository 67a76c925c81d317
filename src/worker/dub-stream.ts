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
 * A sound that is there from the first sample, or ends at a fragment's border because none follows, was cut in a
 * word: it comes or goes within this time.
 */
const edgeMs = 10;
const edgeSamples = edgeMs * (streamSampleRateHz / 1000);

/**
 * The dub of one language as it arrives: fragment after fragment of one continuous sound. Joined without a seam:
 * the rate is converted across the borders, and an end is never sure before the next fragment is there, so the last
 * 12 ms of a fragment come with the next one. Only what sounds is given out.
 */
export class DubStream {
  #resampler: StreamResampler | undefined;
  /** Converted and not given out: it fades where nothing follows. */
  #held = new Float32Array();
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
      if (Math.abs(input[0] as number) > silent) fade(input, (edgeMs * rateHz) / 1000, "in");
    }
    const output = joined(this.#held, this.#resampler.push(input));
    const sure = Math.max(0, output.length - edgeSamples);
    const piece = this.#give(output.subarray(0, sure));
    if (sounds) this.#held = output.slice(sure);
    else this.#forget(); // its tail has left it
    return [...before, ...piece];
  }

  /** The sound does not go on: gives out what was held back. */
  breakOff(): DubPiece[] {
    if (this.#resampler === undefined) return [];
    const output = joined(this.#held, this.#resampler.flush());
    fade(output, edgeSamples, "out");
    const rest = this.#give(output);
    this.#forget();
    return rest;
  }

  #forget(): void {
    this.#resampler = undefined;
    this.#held = new Float32Array();
    this.#joins = false;
  }

  /** The part of the output that sounds, with a little silence around it. */
  #give(output: Float32Array): DubPiece[] {
    const startSample = this.#outputSample;
    this.#outputSample += output.length;
    const first = output.findIndex((sample) => Math.abs(sample) > silent);
    const last = output.findLastIndex((sample) => Math.abs(sample) > silent);
    const joins = this.#joins;
    if (first < 0 && !joins) return [];
    const from = joins ? 0 : first - padSamples; // before 0: silence that was not given out
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

function joined(one: Float32Array, other: Float32Array): Float32Array {
  const both = new Float32Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/** Has a sound come or go without a kink, in place. */
function fade(sound: Float32Array, samples: number, edge: "in" | "out"): void {
  const length = Math.min(sound.length, Math.round(samples));
  for (let n = 0; n < length; n++) {
    const at = edge === "in" ? n : sound.length - 1 - n;
    sound[at]! *= 0.5 - 0.5 * Math.cos((Math.PI * (n + 0.5)) / length);
  }
}
