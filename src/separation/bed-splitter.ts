import { toInt16 } from "../audio/pcm.ts";
import type { SpeechNet } from "./speech-net.ts";
import { StereoWindow } from "./stereo-window.ts";
import { estimateFullBand } from "./wide-band.ts";

const samplesPerMs = 48;
const fullScale = 32_768;
/** Two stretches that adjoin are joined over 20 ms, and where speech sets in or ends its removal fades. */
const joinSamples = 20 * samplesPerMs;
/** A channel's share of the speech is followed where it differs from the middle's by more than this. */
const panTolerance = 0.2;

/** Which stretch, in stream time at 48 kHz, and whether speech is removed right before and right after it. */
export interface Stretch {
  readonly startSample: number;
  readonly endSample: number;
  readonly goesOn: boolean;
}

/**
 * Takes the speech out of a stereo sound, stretch by stretch: bed = sound − speech, sample by sample
 * where it lay. The net hears the middle of both channels, with context on both sides of the stretch.
 */
export class BedSplitter {
  #sound = new StereoWindow(0);
  /** Speech that the last stretch's window heard beyond its end, for the join. */
  #tail: { startSample: number; speech: Float32Array } | undefined;

  constructor(private readonly net: SpeechNet) {}

  get name(): SpeechNet["name"] {
    return this.net.name;
  }

  /** One past the newest sample heard. */
  get endSample(): number {
    return this.#sound.endSample;
  }

  /** Sound after a stretch that is wanted before it is separated; less will do at the end. */
  get lookaheadSamples(): number {
    return this.net.contextMs.after * samplesPerMs + joinSamples;
  }

  /** Interleaved stereo that follows what was heard before. */
  hear(samples: Int16Array): void {
    this.#sound.append(samples);
  }

  /** Begins anew at another place. */
  restart(startSample: number): void {
    this.#sound = new StereoWindow(startSample);
    this.#tail = undefined;
  }

  /** Nothing before `sample` will be separated any more. */
  forget(sample: number): void {
    this.#sound.dropBefore(sample - this.net.contextMs.before * samplesPerMs);
  }

  /**
   * The bed of a stretch, interleaved stereo. Stretches are asked for in order; one that begins where the
   * last ended (and that one went on) is joined to it without a seam.
   */
  async separate({ startSample, endSample, goesOn }: Stretch): Promise<Int16Array> {
    const from = startSample - this.net.contextMs.before * samplesPerMs;
    const until = endSample + this.lookaheadSamples;
    const window = this.#sound.slice(from, until);
    const setsIn = this.#tail?.startSample !== startSample;
    const speech = await this.#speech(window, setsIn ? this.net.warmUps : 0);
    const wanted = speech.subarray((startSample - from) * 2, (endSample + joinSamples - from) * 2);
    this.#join(wanted, startSample);
    const length = (endSample - startSample) * 2;
    this.#tail = goesOn ? { startSample: endSample, speech: wanted.slice(length) } : undefined;
    if (!goesOn) fadeOut(wanted.subarray(0, length));
    const original = window.subarray((startSample - from) * 2, (endSample - from) * 2);
    const bed = new Int16Array(length);
    for (let n = 0; n < length; n++)
      bed[n] = toInt16((original[n]! - wanted[n]! * fullScale) / fullScale);
    return bed;
  }

  /** Interleaved stereo speech, 1 = full scale. */
  async #speech(window: Int16Array, warmUps: number): Promise<Float32Array> {
    const count = window.length / 2;
    const middle = new Float32Array(count);
    for (let n = 0; n < count; n++)
      middle[n] = (window[2 * n]! + window[2 * n + 1]!) / (2 * fullScale);
    const heard = await estimateFullBand(this.net, middle, warmUps);
    const left = channelShare(window, heard, 0);
    const right = channelShare(window, heard, 1);
    const speech = new Float32Array(window.length);
    for (let n = 0; n < count; n++) {
      speech[2 * n] = heard[n]! * left;
      speech[2 * n + 1] = heard[n]! * right;
    }
    return speech;
  }

  /** Crossfades from the last stretch's speech, or from none. */
  #join(speech: Float32Array, startSample: number): void {
    const tail = this.#tail?.startSample === startSample ? this.#tail.speech : undefined;
    const length = Math.min(joinSamples * 2, speech.length);
    for (let n = 0; n < length; n++) {
      const gain = raisedCosine((n >> 1) / joinSamples);
      speech[n] = speech[n]! * gain + (tail?.[n] ?? 0) * (1 - gain);
    }
  }

  async close(): Promise<void> {
    await this.net.close();
  }
}

/** How loud the speech of the middle is in one channel: 1 in the middle, 2 and 0 at a side. */
function channelShare(window: Int16Array, speech: Float32Array, channel: 0 | 1): number {
  let product = 0;
  let power = 0;
  for (let n = 0; n < speech.length; n++) {
    product += (window[2 * n + channel]! / fullScale) * speech[n]!;
    power += speech[n]! * speech[n]!;
  }
  if (power === 0) return 1;
  const share = Math.min(2, Math.max(0, product / power));
  return Math.abs(share - 1) <= panTolerance ? 1 : share;
}

function fadeOut(speech: Float32Array): void {
  const length = Math.min(joinSamples * 2, speech.length);
  for (let n = 0; n < length; n++)
    speech[speech.length - 1 - n]! *= raisedCosine(((n >> 1) + 0.5) / joinSamples);
}

/** 0 → 1 without a kink; one source's gain and the other's add up to 1, as fits sounds that are alike. */
function raisedCosine(position: number): number {
  return 0.5 - 0.5 * Math.cos(Math.PI * position);
}
