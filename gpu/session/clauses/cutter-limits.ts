export interface CutterLimits {
  /** Longest clause, first sound to last, ms: {@link clauseCapMs}. */
  readonly capMs: number;
  /** Shorter pieces join the next. */
  readonly shortestMs: number;
  /** A comma cuts from this many characters on. */
  readonly commaCharacters: number;
  /** A silence this long cuts. */
  readonly silenceMs: number;
  /** A short piece does not wait across a silence this long: "Yes." is said at its own time. */
  readonly aloneSilenceMs: number;
  /** Most words in a clause; only a loop or nonsense times reach it. */
  readonly mostWords: number;
}

export const defaultCutterLimits: Omit<CutterLimits, "capMs"> = {
  shortestMs: 1000,
  commaCharacters: 20,
  silenceMs: 700,
  aloneSilenceMs: 1500,
  mostWords: 64,
};

/** Time that detection, translation, order and transport take beside recognition and synthesis. */
const standingCostMs = 1000;
/** So much of a dub's synthesis may come after its first sound, where the voice has time to spare between clauses. */
const laterShare = 0.4;
const sparedBelowRtf = 1.1;
/** A pass of the recogniser on a machine of today. */
const usualPassMs = 350;
/** Below this clauses are scraps without a meaning: a machine too slow for it gives up whole ones instead. */
const shortestCapMs = 1800;

/**
 * The longest clause that can still be dubbed in time: min(preset, (D - 1 s - pass) / (1 + RTF before the
 * first sound)).
 *
 * @param presetMs 2500, 4000 or 6000 for fast, balanced and quality
 * @param playoutDelayMs D; absent in file pacing, where only the preset holds
 * @param synthesisRtf measured: seconds of work a second of speech
 * @param passMs measured: one pass of the recogniser
 */
export function clauseCapMs(
  presetMs: number,
  playoutDelayMs: number | undefined,
  synthesisRtf: number,
  passMs = usualPassMs,
): number {
  if (playoutDelayMs === undefined) return Math.max(shortestCapMs, presetMs);
  const rtf = Math.max(0, synthesisRtf);
  const later = Math.min(laterShare * rtf, Math.max(0, sparedBelowRtf - rtf));
  const inTime = (playoutDelayMs - standingCostMs - passMs) / (1 + rtf - later);
  return Math.max(shortestCapMs, Math.min(presetMs, inTime));
}
