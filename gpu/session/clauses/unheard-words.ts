import type { PassResult } from "./recognition-line.ts";

/** One step of the recogniser's alignment: what takes no more was put where no sound was left. */
const leastSoundMs = 20;
/** Within a sentence a lone word may be swallowed; several in a row at the end are invented. */
const leastInvented = 2;

/**
 * Recognisers go on beyond what they heard: a window that ends in the midst of a sentence is given an end, or its
 * words begin again. Where times were measured, such words stand at the window's end without any sound of their own.
 *
 * @param inMidst the window ends while speech goes on
 * @returns the pass up to them, and as it would speak of itself without them; the pass itself if it has none
 */
export function withoutUnheard(result: PassResult, inMidst: boolean): PassResult {
  const { timed } = result;
  if (timed === undefined) return result;
  const kept = timed.findLastIndex((word) => word.endMs - word.startMs > leastSoundMs) + 1;
  if (timed.length - kept < (inMidst ? 1 : leastInvented)) return result;
  const words = timed.slice(0, kept);
  const logs = words.map(({ confidence }) => Math.log(confidence ?? Number.NaN));
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  return {
    ...result,
    timed: words,
    words: words.map((word) => word.text),
    meanLogProbability: Number.isNaN(mean) ? result.meanLogProbability : mean,
    compressionRatio: 1,
    capped: false,
  };
}
