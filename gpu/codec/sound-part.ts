import { resampleInTurns } from "./in-turns.ts";

/** A part of a continuous sound, with what lies just around it: that decides how its edges sound at another rate. */
export interface SoundPart {
  /** Mono. */
  readonly samples: Float32Array;
  /** Sound before and after the part, at least 32 samples at the lower of the two rates. */
  readonly before: Float32Array;
  readonly after: Float32Array;
  /** Place of the first sample of `samples` in the whole sound. */
  readonly startSample: number;
  /** Where the part lies in the whole sound, ms. */
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * A part at another rate, as it lies in the whole sound at that rate: parts that adjoin, join without a seam, and
 * however many they are, none is longer than it should be.
 */
export async function partAtRate(
  part: SoundPart,
  fromHz: number,
  toHz: number,
): Promise<Float32Array> {
  const { samples, before, after, startSample, startMs, endMs } = part;
  if (fromHz === toHz) return samples;
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const [down, up] = [fromHz / divisor, toHz / divisor];
  // Every `down` samples the two rates meet: converted from such a place on, the parts lie on one grid.
  const meeting = Math.floor((startSample - before.length) / down);
  const place = startSample - meeting * down;
  const sound = new Float32Array(place + samples.length + after.length);
  sound.set(before, place - before.length);
  sound.set(samples, place);
  sound.set(after, place + samples.length);
  const converted = await resampleInTurns(sound, fromHz, toHz);
  const placeAt = (ms: number) => Math.round((ms * toHz) / 1000) - meeting * up;
  return converted.slice(placeAt(startMs), placeAt(endMs));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
