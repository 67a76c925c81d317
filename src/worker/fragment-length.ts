/** How speech is cut into fragments. All in milliseconds. */
export interface FragmentLimits {
  /** No fragment is longer, without what it hears again. */
  readonly longestMs: number;
  /** No fragment of speech is shorter, except at the end of the input or at a hole in it. */
  readonly shortestMs: number;
  /** Silence after the gate has closed that ends a fragment early; 0 = at once. */
  readonly pauseMs: number;
}

/** How speech is cut, and what is sent of it. */
export interface FragmentPlan extends FragmentLimits {
  /** What a fragment that goes on from another hears of that one again, ms. */
  readonly overlapMs: number;
}

/** Of the playout delay, what recognition, translation, synthesis and transport need after the last sample. */
const answerBudgetMs = 3500;

/**
 * Limits by pacing and playout delay (contract 2.13): live, as long as the delay leaves time for an answer,
 * clamp(D − 3.5 s, 1 s, 5 s), and closed at the first pause, so that the answer comes sooner;
 * file, up to 10 s and closed at a sentence's pause, for there is time to hear a thought to its end.
 *
 * @param fragmentMs the user's own longest fragment, 250..30000, in place of the rule's
 * @param wantedOverlapMs 0..200; never more than half of the longest fragment, which it is a part of
 */
export function fragmentLimits(
  pacing: "live" | "file",
  playoutDelayMs: number,
  fragmentMs?: number,
  wantedOverlapMs = 0,
): FragmentPlan {
  const byRule =
    pacing === "file" ? 10_000 : Math.min(5000, Math.max(1000, playoutDelayMs - answerBudgetMs));
  const wholeMs = Math.min(30_000, Math.max(250, fragmentMs ?? byRule));
  const overlapMs = Math.min(wantedOverlapMs, Math.floor(wholeMs / 2));
  const longestMs = wholeMs - overlapMs;
  return {
    longestMs,
    overlapMs,
    shortestMs: Math.min(1000, longestMs / 2),
    pauseMs: pacing === "file" ? 400 : 0,
  };
}
