import type { DubbedUtterance } from "../inference/engine.ts";
import { type PlacedDub, layOut } from "./fit.ts";

export const dubSampleRateHz = 24_000;
/** Fitting and placing round to whole samples. */
const roundingSamples = 24;
/** Breath between two dubs when the first one runs long. */
const betweenDubsMs = 60;

/** One utterance in both languages, with its place in the fragment. */
export interface TranslatedUtterance {
  readonly startMs: number;
  readonly endMs: number;
  readonly sourceText: string;
  readonly translatedText: string;
}

/** Speech for an utterance, as the synthesiser gave it. */
export interface SpokenDub {
  readonly audio: Float32Array;
  readonly tempo: number;
  readonly naturalMs: number;
  readonly clamped: boolean;
}

/** Speaks a text within its slot. */
export type Speak = (
  text: string,
  slot: { readonly sourceMs: number; readonly slotMs: number },
) => Promise<SpokenDub>;

export interface DubTrack {
  /** At least as long as the fragment. */
  readonly audio: Float32Array;
  readonly utterances: readonly DubbedUtterance[];
  readonly naturalMs: number;
  readonly highestTempo: number;
  readonly clamped: boolean;
  /** How far the last dub reaches beyond the fragment; 0 when all of it fits. */
  readonly overrunMs: number;
}

/**
 * The dub of one fragment: each utterance begins where its original begins, or right after the one before
 * it, and has until the next one begins (the last one: until the fragment ends).
 */
export async function dubFragment(
  utterances: readonly TranslatedUtterance[],
  fragmentMs: number,
  speak: Speak,
): Promise<DubTrack> {
  const placed: PlacedDub[] = [];
  const dubbed: DubbedUtterance[] = [];
  let naturalMs = 0;
  let highestTempo = 0;
  let clamped = false;
  let freeFromMs = 0;
  for (const [index, utterance] of utterances.entries()) {
    const startMs = Math.max(utterance.startMs, freeFromMs);
    const next = utterances[index + 1];
    const slotEndMs = next === undefined ? fragmentMs : next.startMs - betweenDubsMs;
    const spoken = await speak(utterance.translatedText, {
      sourceMs: Math.max(1, utterance.endMs - startMs),
      slotMs: Math.max(1, slotEndMs - startMs),
    });
    const startSample = Math.round((startMs * dubSampleRateHz) / 1000);
    const endMs = (1000 * (startSample + spoken.audio.length)) / dubSampleRateHz;
    placed.push({ startSample, audio: spoken.audio });
    dubbed.push({ ...utterance, dubStartMs: startMs, dubEndMs: endMs, tempo: spoken.tempo });
    freeFromMs = endMs + betweenDubsMs;
    naturalMs += spoken.naturalMs;
    highestTempo = Math.max(highestTempo, spoken.tempo);
    clamped ||= spoken.clamped;
  }
  const length = Math.round((fragmentMs * dubSampleRateHz) / 1000);
  const track = layOut(placed, length);
  const overrun = track.length - length;
  const fits = overrun <= roundingSamples; // a dub ends in kept silence: this much of it is no word
  return {
    audio: fits ? track.subarray(0, length) : track,
    utterances: dubbed,
    naturalMs,
    highestTempo: highestTempo || 1,
    clamped,
    overrunMs: fits ? 0 : (1000 * overrun) / dubSampleRateHz,
  };
}
