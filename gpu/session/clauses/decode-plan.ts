/** What a session knows of its sound when it asks whether to decode. Session time, ms. */
export interface Hearing {
  /** How far the voice activity detector has heard. */
  readonly heardUntilMs: number;
  /** Speech that it found, in order; stretches that end before `settledUntilMs` may be left out. */
  readonly speech: readonly SpeechStretch[];
  /** The last stretch is still going on; its end is `heardUntilMs`. */
  readonly speaking: boolean;
  /** All words that end before this are committed or refused: the highest `commitUntilMs` of the final passes. */
  readonly settledUntilMs: number;
  /** End of the newest committed word. */
  readonly lastWordEndMs: number;
  /** Start of the first word that the last final pass heard and left out, because it ended after `settledUntilMs`. */
  readonly leftOutFromMs?: number | undefined;
  /** Start of the first committed word that is in no clause. */
  readonly uncutFromMs?: number | undefined;
  /** How far the last pass heard. */
  readonly lastPassUntilMs: number;
  /** The newest committed words, in order. */
  readonly committed?: readonly SpeechStretch[];
}

export interface SpeechStretch {
  readonly startMs: number;
  readonly endMs: number;
}

export interface DecodeLimits {
  /** Longest clause, as given to the cutter. */
  readonly capMs: number;
  /** Measured cost of one pass. */
  readonly passMs: number;
  readonly longestWindowMs: number;
  /** Passes of going speech are at least this far apart. */
  readonly shortestStepMs: number;
}

export const defaultDecodeLimits: Pick<DecodeLimits, "longestWindowMs" | "shortestStepMs"> = {
  longestWindowMs: 15_000,
  shortestStepMs: 700,
};

/**
 * The pass that is due. `partial`: an opinion on speech that goes on; words commit when two agree. `final`: a stretch
 * of speech or the latest safe moment is over; words that end by `commitUntilMs` commit at once.
 */
export interface DecodePlan {
  readonly kind: "partial" | "final";
  readonly fromMs: number;
  readonly toMs: number;
  /** Of a `final` pass; after it, `settledUntilMs` is this. */
  readonly commitUntilMs: number;
}

/** Two final passes of going speech are at least this far apart. */
const leastProgressMs = 500;
/** A word that a settled moment falls into may have begun this long before it. */
const longestWordMs = 800;
/** Less speech than this after the last word is its echo, not another. */
const shortestRemainderMs = 150;
/** Of going speech a window takes in at least this much, if there was so much: a lone word is misheard. */
const contextMs = 2500;
/** Sound before and after the speech, for soft beginnings and endings. */
const marginMs = 200;
/** A final pass in the midst of speech hears this much past the safe moment, so that its last word is whole. */
const lookaheadMs = 150;
/** A window is decoded about this often while it grows: what keeps decoded sound below four times the heard. */
const passesPerWindow = 3;
/** Opinions on speech that goes on may take up to a third of the lane's time: they take it from the voice. */
const passDuty = 3;
/** Beside a voice that is speaking, a pass takes up to so many times what it usually takes. */
const passMargin = 1.5;

/**
 * Whether to decode now, and what. Silence is never decoded. Pure; asked again whenever something was heard or a pass
 * has ended, with at most one pass of a session under way.
 */
export function planDecode(hearing: Hearing, limits: DecodeLimits): DecodePlan | undefined {
  const stretches = unsettledStretches(hearing);
  const openMs = openSpeechStartMs(hearing);
  if (openMs === undefined) return undefined;
  const clauseStartMs = hearing.uncutFromMs ?? openMs;
  const safeMs = Math.max(clauseStartMs + limits.capMs, hearing.settledUntilMs + leastProgressMs);
  const final = finalMoment(hearing, stretches, safeMs);
  const toMs = final?.toMs ?? hearing.heardUntilMs;
  const stretchMs = (stretches[0]?.startMs ?? 0) - marginMs;
  const wordMs = wordStartBefore(hearing, Math.min(clauseStartMs - marginMs, toMs - contextMs));
  // What was settled before a pause is not heard again; word times are not exact, so a window is never empty for it.
  const fromMs = Math.min(Math.max(stretchMs, wordMs), toMs - marginMs);
  const window = { fromMs: Math.max(0, fromMs, toMs - limits.longestWindowMs), toMs };
  if (final) return { kind: "final", ...window, commitUntilMs: final.commitUntilMs };
  // A partial that were still running when the final one is due would make the clause late.
  if (safeMs + lookaheadMs - toMs < limits.passMs * passMargin) return undefined;
  const windowMs = toMs - window.fromMs;
  const stepMs = Math.max(
    limits.shortestStepMs,
    limits.passMs * passDuty,
    windowMs / passesPerWindow,
  );
  if (toMs - Math.max(hearing.lastPassUntilMs, openMs) < stepMs) return undefined;
  return { kind: "partial", ...window, commitUntilMs: Number.NEGATIVE_INFINITY };
}

/** Start of the committed word that is being said at a moment: of half a word a recogniser makes another. */
function wordStartBefore({ committed = [] }: Hearing, ms: number): number {
  const word = committed.findLast(({ startMs }) => startMs <= ms);
  return word === undefined || ms - word.startMs > longestWordMs ? ms : word.startMs;
}

/** A pause before the latest safe moment, or that moment itself, if it was heard. */
function finalMoment(
  hearing: Hearing,
  stretches: readonly SpeechStretch[],
  safeMs: number,
): { toMs: number; commitUntilMs: number } | undefined {
  const closed = hearing.speaking ? stretches.slice(0, -1) : stretches;
  const pauseMs = closed.findLast((one) => one.endMs <= safeMs)?.endMs;
  if (pauseMs !== undefined) {
    const toMs = Math.min(pauseMs + marginMs, hearing.heardUntilMs);
    return { toMs, commitUntilMs: toMs };
  }
  if (hearing.heardUntilMs < safeMs + lookaheadMs) return undefined;
  return { toMs: safeMs + lookaheadMs, commitUntilMs: safeMs };
}

/** How far words are known, for the cutter: over the settled speech, and through any silence after it. */
export function settledHorizonMs(hearing: Hearing): number {
  const first = unsettledStretches(hearing)[0];
  return first ? Math.max(hearing.settledUntilMs, first.startMs) : hearing.heardUntilMs;
}

/** Where the first word could begin that is not committed; undefined in settled silence. */
export function openSpeechStartMs(hearing: Hearing): number | undefined {
  const first = unsettledStretches(hearing)[0];
  if (!first) return undefined;
  const { leftOutFromMs, lastWordEndMs, settledUntilMs } = hearing;
  const wordMs = Math.max(lastWordEndMs, leftOutFromMs ?? settledUntilMs - longestWordMs);
  return Math.min(first.endMs, Math.max(first.startMs, wordMs));
}

/** Stretches that no final pass has heard to their end, or of which it left out a word. */
function unsettledStretches(hearing: Hearing): readonly SpeechStretch[] {
  const going = hearing.speaking ? hearing.speech.at(-1) : undefined;
  const { leftOutFromMs, settledUntilMs, lastWordEndMs } = hearing;
  return hearing.speech.filter((one) => {
    if (leftOutFromMs !== undefined) return one.endMs > leftOutFromMs;
    const echo = one !== going && one.endMs - lastWordEndMs < shortestRemainderMs;
    return one.endMs > settledUntilMs && !echo;
  });
}
