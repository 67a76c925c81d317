/** How speech is cut into fragments. All in milliseconds. */
export interface FragmentLimits {
  /** No fragment is longer. */
  readonly longestMs: number;
  /** No fragment of speech is shorter, except at the end of the input or at a hole in it. */
  readonly shortestMs: number;
  /** Silence after the gate has closed that ends a fragment early; 0 = at once. */
  readonly pauseMs: number;
}

/** Of the playout delay, what recognition, translation, synthesis and transport need after the last sample. */
const answerBudgetMs = 3500;

/**
 * Limits by pacing and playout delay (contract 2.13): live, as long as the delay leaves time for an answer,
 * clamp(D − 3.5 s, 1 s, 5 s), and closed at the first pause, so that the answer comes sooner;
 * file, up to 10 s and closed at a sentence's pause, for there is time to hear a thought to its end.
 *
 * @param fragmentMs the user's own longest fragment, 250..30000, in place of the rule's
 */
export function fragmentLimits(
  pacing: "live" | "file",
  playoutDelayMs: number,
  fragmentMs?: number,
): FragmentLimits {
  const byRule =
    pacing === "file" ? 10_000 : Math.min(5000, Math.max(1000, playoutDelayMs - answerBudgetMs));
  const longestMs = Math.min(30_000, Math.max(250, fragmentMs ?? byRule));
  return {
    longestMs,
    shortestMs: Math.min(1000, longestMs / 2),
    pauseMs: pacing === "file" ? 400 : 0,
  };
}
