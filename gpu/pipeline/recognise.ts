import type { Vad } from "../../src/vad/silero.ts";
import { findSpeech } from "../../src/vad/speech-detector.ts";
import {
  type Transcription,
  type Whisper,
  longestWindowSeconds,
} from "../models/whisper/whisper.ts";
import { type RefusalReason, refusals } from "../session/clauses/guards.ts";
import { isSpoken, type Sureness, surenessOf } from "../session/clauses/words.ts";
import { type Stopped, neverStopped } from "./stopped.ts";

const sampleRateHz = 16_000;

/** Pauses from here on part two utterances: each keeps its own place in time. */
const utterancePauseMs = 400;
/** A cough or a click is shorter than any word. */
const shortestSpeechMs = 160;
/** Nets answer late to soft consonants: what is recognised reaches this far around the detected speech. */
const recogniseMarginMs = 160;
/** Leave room in the window for the margins. */
const longestUtteranceMs = (longestWindowSeconds - 1) * 1000;

/** A stretch of speech between pauses, as it was understood; times from the start of the sound. */
export interface RecognisedUtterance {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  readonly sureness: Sureness;
}

export interface RejectedUtterance extends RecognisedUtterance {
  readonly reason: RefusalReason;
}

export interface Recognition {
  /** Where the original speaks, whether it was understood or not. */
  readonly speechRegions: readonly { readonly startMs: number; readonly endMs: number }[];
  readonly utterances: readonly RecognisedUtterance[];
  readonly rejected: readonly RejectedUtterance[];
}

interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
}

/** Speech in one fragment: the gate finds where, Whisper hears what, the guards refuse what was not said. */
export class Recogniser {
  constructor(
    private readonly vad: Vad,
    private readonly whisper: Whisper,
  ) {}

  get modelName(): string {
    return this.whisper.name;
  }

  speaks(language: string): boolean {
    return this.whisper.speaks(language);
  }

  /**
   * @param samples mono, 16 kHz, -1..1, any length
   * @param language primary subtag, one that the model {@link speaks}
   * @param stopped asked between utterances; true ends the work early with what there is
   */
  async recognise(
    samples: Float32Array,
    language: string,
    stopped: Stopped = neverStopped,
  ): Promise<Recognition> {
    const speechRegions = await this.findUtterances(samples);
    const utterances: RecognisedUtterance[] = [];
    const rejected: RejectedUtterance[] = [];
    for (const [index, region] of speechRegions.entries()) {
      if (await stopped()) break;
      for (const stretch of windows(region)) {
        const heard = await this.#hear(samples, language, stretch, {
          earliestMs: speechRegions[index - 1]?.endMs ?? 0,
          latestMs: speechRegions[index + 1]?.startMs ?? Infinity,
        });
        if (!isSpoken(heard.text)) continue;
        const words = heard.text.split(/\s+/u);
        const speechMs = stretch.endMs - stretch.startMs;
        const [reason] = refusals({ ...heard, words, speechMs }, language);
        const utterance = { ...stretch, text: calmed(heard.text), sureness: surenessOf(heard) };
        if (reason === undefined) utterances.push(utterance);
        else rejected.push({ ...utterance, reason });
      }
    }
    return { speechRegions, utterances, rejected };
  }

  /** Stretches of speech parted by pauses; none in silence, noise and music. */
  async findUtterances(samples: Float32Array): Promise<Stretch[]> {
    const regions = await findSpeech(this.vad, samples, {
      hangoverMs: utterancePauseMs,
      minSpeechMs: shortestSpeechMs,
    });
    return regions.map(({ startSample, endSample }) => ({
      startMs: (1000 * startSample) / sampleRateHz,
      endMs: (1000 * endSample) / sampleRateHz,
    }));
  }

  async #hear(
    samples: Float32Array,
    language: string,
    stretch: Stretch,
    room: { readonly earliestMs: number; readonly latestMs: number },
  ): Promise<Transcription> {
    const fromMs = Math.max(room.earliestMs, stretch.startMs - recogniseMarginMs, 0);
    const toMs = Math.min(room.latestMs, stretch.endMs + recogniseMarginMs);
    const clip = samples.subarray(sampleAt(fromMs), sampleAt(toMs));
    return this.whisper.transcribe(clip, language);
  }
}

/** Whisper writes an emphatic speaker in capitals; translators take those for names. */
function calmed(text: string): string {
  const shouted = /\p{Lu}{2}/u.test(text) && !/\p{Ll}/u.test(text) && /\s/u.test(text);
  if (!shouted) return text;
  const lower = text.toLowerCase();
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

/** A region that is longer than the window is heard in equal parts. */
function windows(region: Stretch): Stretch[] {
  const count = Math.ceil((region.endMs - region.startMs) / longestUtteranceMs);
  const lengthMs = (region.endMs - region.startMs) / count;
  return Array.from({ length: count }, (_, i) => ({
    startMs: region.startMs + i * lengthMs,
    endMs: region.startMs + (i + 1) * lengthMs,
  }));
}

function sampleAt(ms: number): number {
  return Math.round((ms * sampleRateHz) / 1000);
}
