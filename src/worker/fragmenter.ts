import { streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { FragmentLimits } from "./fragment-length.ts";

/** What is known of one short frame of sound; frames follow each other without gaps. */
export interface HeardFrame {
  /** First sample after it, in stream time. */
  readonly endSample: number;
  /** The gate is open: speech is being heard, short pauses within it included. */
  readonly speaking: boolean;
  /** Set once, where the gate has found that speech began (it may be some frames ago). */
  readonly speechFrom?: number | undefined;
  /** No voice in this very frame. */
  readonly quiet: boolean;
  /** Mean square of the samples, 0..1. */
  readonly energy: number;
}

/** A stretch of stream time, [startSample, endSample): to be dubbed, or without speech. */
export interface Stretch {
  readonly startSample: number;
  readonly endSample: number;
  readonly speech: boolean;
  /** What ended it: a pause (or, of silence, speech), the longest length, or the end of the sound. */
  readonly cutAt: "pause" | "limit" | "end";
}

const samplesPerMs = streamSampleRateHz / 1000;
/** A gate tells of speech this much after its (padded) beginning, at most. */
const gateLagSamples = 320 * samplesPerMs;
/** Speechless stretches are settled in pieces of at least this length. */
const silenceStepSamples = 500 * samplesPerMs;
/** Pauses shorter than this are closures of consonants rather than places to cut. */
const shortestPauseFrames = 2;

/**
 * Cuts a continuous sound into fragments of speech and the silence between them. Every sample lies in
 * exactly one stretch, in order. Pure: no clock, no I/O.
 *
 * A fragment begins where speech does, ends when speech has paused, and otherwise at its limit: there it
 * is cut in the longest pause of its second half, or else where the sound is softest.
 */
export class Fragmenter {
  readonly #longest: number;
  readonly #shortest: number;
  readonly #pause: number;
  #openFrom: number;
  #inSpeech = false;
  /** End of the last frame in which the gate was open. */
  #gateOpenUntil = 0;
  #frames: HeardFrame[] = [];

  /** @param startSample the first sample that will be heard */
  constructor(limits: FragmentLimits, startSample: number) {
    this.#longest = limits.longestMs * samplesPerMs;
    this.#shortest = limits.shortestMs * samplesPerMs;
    this.#pause = limits.pauseMs * samplesPerMs;
    this.#openFrom = startSample;
  }

  /** First sample that no stretch covers yet. */
  get openFrom(): number {
    return this.#openFrom;
  }

  /** Takes the next frame; returns what it completes. */
  push(frame: HeardFrame): Stretch[] {
    this.#frames.push(frame);
    if (frame.speaking) this.#gateOpenUntil = frame.endSample;
    const done: Stretch[] = [];
    if (!this.#inSpeech) this.#growSilence(frame, done);
    while (this.#inSpeech && this.#growSpeech(frame, done));
    return done;
  }

  /** The sound ends at `endSample`, or has a hole there; what is open is closed. */
  flush(endSample: number): Stretch[] {
    const done: Stretch[] = [];
    while (this.#inSpeech && endSample - this.#openFrom > this.#longest) {
      this.#close(this.#bestCut(), true, "limit", done);
    }
    this.#close(Math.max(endSample, this.#openFrom), this.#inSpeech, "end", done);
    this.#inSpeech = false;
    return done;
  }

  /** Continues at another place after {@link flush}: a hole in the sound. */
  restart(startSample: number): void {
    this.#openFrom = startSample;
    this.#gateOpenUntil = 0;
    this.#frames = [];
  }

  #growSilence(frame: HeardFrame, done: Stretch[]): void {
    if (frame.speechFrom !== undefined) {
      const from = Math.min(Math.max(frame.speechFrom, this.#openFrom), frame.endSample);
      this.#close(from, false, "pause", done);
      this.#inSpeech = true;
      return;
    }
    const settled = frame.endSample - gateLagSamples;
    if (settled - this.#openFrom >= silenceStepSamples) this.#close(settled, false, "limit", done);
  }

  /** @returns true when a cut at the limit may have left another fragment to be cut */
  #growSpeech(frame: HeardFrame, done: Stretch[]): boolean {
    const length = frame.endSample - this.#openFrom;
    if (length > this.#longest) {
      this.#close(this.#bestCut(), true, "limit", done);
      // What lies behind the cut may be the pause alone.
      this.#inSpeech = frame.speaking || this.#gateOpenUntil > this.#openFrom;
      return true;
    }
    const paused = !frame.speaking && frame.endSample - this.#gateOpenUntil >= this.#pause;
    if (paused && length >= this.#shortest) {
      this.#close(frame.endSample, true, "pause", done);
      this.#inSpeech = false;
    }
    return false;
  }

  #close(atSample: number, speech: boolean, cutAt: Stretch["cutAt"], done: Stretch[]): void {
    if (atSample <= this.#openFrom) return;
    done.push({ startSample: this.#openFrom, endSample: atSample, speech, cutAt });
    this.#openFrom = atSample;
    const keep = this.#frames.findIndex((frame) => frame.endSample > atSample);
    this.#frames = keep < 0 ? [] : this.#frames.slice(keep);
  }

  /** Where to cut a fragment that has reached its limit: on the millisecond grid of its start. */
  #bestCut(): number {
    const latest = this.#openFrom + this.#longest;
    const earliest = this.#openFrom + Math.max(this.#shortest, this.#longest / 2);
    const window = this.#frames.flatMap((frame, index) => {
      const startSample = index === 0 ? this.#openFrom : this.#frames[index - 1]!.endSample;
      return frame.endSample <= latest && startSample >= earliest
        ? [{ ...frame, startSample }]
        : [];
    });
    const cut = longestPause(window) ?? softestPlace(window) ?? latest;
    return this.#openFrom + Math.floor((cut - this.#openFrom) / samplesPerMs) * samplesPerMs;
  }
}

type PlacedFrame = HeardFrame & { readonly startSample: number };

/** The middle of the longest run of quiet frames; of equal ones, the latest. */
function longestPause(window: readonly PlacedFrame[]): number | undefined {
  let best: { frames: number; middle: number } | undefined;
  for (let first = 0; first < window.length; first++) {
    let next = first;
    while (window[next]?.quiet) next++;
    const frames = next - first;
    if (frames >= shortestPauseFrames && frames >= (best?.frames ?? 0))
      best = { frames, middle: (window[first]!.startSample + window[next - 1]!.endSample) / 2 };
    if (frames > 0) first = next - 1;
  }
  return best?.middle;
}

/** The middle of the frame around which three frames together hold the least sound; of equals, the latest. */
function softestPlace(window: readonly PlacedFrame[]): number | undefined {
  let best: { energy: number; middle: number } | undefined;
  for (let index = 0; index < window.length; index++) {
    const frame = window[index]!;
    const around = window.slice(Math.max(0, index - 1), index + 2);
    const energy = around.reduce((sum, each) => sum + each.energy, 0) / around.length;
    if (energy <= (best?.energy ?? Number.POSITIVE_INFINITY))
      best = { energy, middle: (frame.startSample + frame.endSample) / 2 };
  }
  return best?.middle;
}
