/** The range in which dubbed speech still sounds natural. */
export const slowestTempo = 0.85;
export const fastestTempo = 1.3;

export interface FitTarget {
  /** How long the speech is at tempo 1. */
  readonly naturalMs: number;
  /** How long the original speaks: a shorter dub is slowed towards it. */
  readonly sourceMs: number;
  /** Room until the next speech, or the end of the sound: a longer dub is hurried into it. */
  readonly slotMs: number;
}

export interface ChosenTempo {
  readonly tempo: number;
  /** The range did not suffice. */
  readonly clamped: boolean;
}

/**
 * The tempo that brings speech into its slot: natural while it ends between the original's end and the
 * slot's end, slower when the original speaks longer, faster when the slot is too short.
 */
export function chooseTempo({ naturalMs, sourceMs, slotMs }: FitTarget): ChosenTempo {
  if (naturalMs <= 0) return { tempo: 1, clamped: false };
  const wanted =
    naturalMs > slotMs
      ? naturalMs / Math.max(slotMs, 1)
      : Math.min(1, naturalMs / Math.max(1, Math.min(sourceMs, slotMs)));
  return { tempo: inRange(wanted), clamped: wanted > fastestTempo };
}

/** A tempo held to the range. */
export function inRange(tempo: number): number {
  return Math.min(fastestTempo, Math.max(slowestTempo, tempo));
}

/**
 * Samples between the first and the last that are louder than the silence a synthesiser puts around its
 * speech, with a little kept on both sides for soft consonants.
 *
 * @returns a view of `audio`; empty when all of it is silent
 */
export function trimSilence(audio: Float32Array, sampleRateHz: number): Float32Array {
  const keptSamples = Math.round(0.03 * sampleRateHz);
  const silence = 0.003; // −50 dBFS; the synthesiser's own is below −60
  let start = 0;
  while (start < audio.length && Math.abs(audio[start]!) < silence) start++;
  if (start === audio.length) return audio.subarray(0, 0);
  let end = audio.length;
  while (Math.abs(audio[end - 1]!) < silence) end--;
  return audio.subarray(
    Math.max(0, start - keptSamples),
    Math.min(audio.length, end + keptSamples),
  );
}

/** Softens the ends of a cut, so that joining it with silence makes no click. Changes `audio`. */
export function fadeEnds(audio: Float32Array, sampleRateHz: number): Float32Array {
  const fade = Math.min(Math.round(0.005 * sampleRateHz), audio.length >> 1);
  for (let i = 0; i < fade; i++) {
    const gain = (i + 0.5) / fade;
    audio[i]! *= gain;
    audio[audio.length - 1 - i]! *= gain;
  }
  return audio;
}

/** A dub with its place: samples from the start of the fragment. */
export interface PlacedDub {
  readonly startSample: number;
  readonly audio: Float32Array;
}

/**
 * One track of a fragment: silence, with each dub at its place. Dubs are never cut: the track grows beyond
 * `length` when the last one needs it. Where two overlap they are added.
 *
 * @param length samples of the fragment
 */
export function layOut(dubs: readonly PlacedDub[], length: number): Float32Array {
  const end = dubs.reduce(
    (last, dub) => Math.max(last, dub.startSample + dub.audio.length),
    length,
  );
  const track = new Float32Array(end);
  for (const { startSample, audio } of dubs)
    for (let i = 0; i < audio.length; i++) track[startSample + i]! += audio[i]!;
  return track;
}
