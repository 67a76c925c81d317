import { streamSampleRateHz } from "../protocol/relay-worker.ts";

/** Quieter than this is no voice: −54 dB of full scale. */
const voiceThreshold = 65;
/** Kept around the voice: soft beginnings and endings of words. */
const padSamples = (30 * streamSampleRateHz) / 1000;

/** Where in a piece of dub, [from, to) in samples, something sounds. */
export interface VoiceSpan {
  readonly from: number;
  readonly to: number;
}

/** The part of `samples` (mono s16) between its leading and its trailing silence; undefined when all is silent. */
export function voiceSpan(samples: Int16Array): VoiceSpan | undefined {
  let first = 0;
  while (first < samples.length && Math.abs(samples[first]!) < voiceThreshold) first++;
  if (first === samples.length) return undefined;
  let last = samples.length - 1;
  while (Math.abs(samples[last]!) < voiceThreshold) last--;
  return {
    from: Math.max(0, first - padSamples),
    to: Math.min(samples.length, last + 1 + padSamples),
  };
}
