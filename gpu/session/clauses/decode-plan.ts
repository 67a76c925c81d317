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
  /** End of the last clause: windows do not reach back behind it. */
  readonly clauseEndMs: number;
  /** Start of the first committed word that is in no clause. */
  readonly uncutFromMs?: number | undefined;
  /** How far the last pass heard. */
  readonly lastPassUntilMs: number;
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

/** A word that a settled moment falls into may have begun this long before it. */
const longestWordMs = 800;
/** Less speech than this after the last word is its echo, not another. */
const shortestRemainderMs = 150;
/** Sound before and after the speech, for soft beginnings and endings. */
const marginMs = 200;
/** A final pass in the midst of speech hears this much past the safe moment, so that its last word is whole. */
const lookaheadMs = 150;
/** A window is decoded about this often while it grows: what keeps decoded sound below four times the heard. */
const passesPerWindow = 3;
/** A pass may take up to half of the lane's time. */
const passDuty = 2;

/**
 * Whether to decode now, and what. Silence is never decoded. Pure; asked again whenever something was heard or a pass
 * has ended, with at most one pass of a session under way.
 */
export function planDecode(hearing: Hearing, limits: DecodeLimits): DecodePlan | undefined {
  const unsettled = unsettledSpeech(hearing);
  const openMs = unsettled[0]?.startMs;
  if (openMs === undefined) return undefined;
  const clauseStartMs = hearing.uncutFromMs ?? openMs;
  const fromMs = Math.max(hearing.clauseEndMs, clauseStartMs - marginMs);
  const safeMs = clauseStartMs + limits.capMs;
  const closed = hearing.speaking ? unsettled.slice(0, -1) : unsettled;
  const pauseMs = closed.findLast((one) => one.endMs <= safeMs)?.endMs ?? closed[0]?.endMs;
  if (pauseMs !== undefined && pauseMs <= safeMs) {
    const toMs = Math.min(pauseMs + marginMs, hearing.heardUntilMs);
    return windowOf("final", fromMs, toMs, toMs, limits);
  }
  if (hearing.heardUntilMs >= safeMs + lookaheadMs)
    return windowOf("final", fromMs, safeMs + lookaheadMs, safeMs, limits);
  // A partial that were still running when the final one is due would make the clause late.
  if (safeMs + lookaheadMs - hearing.heardUntilMs < limits.passMs) return undefined;
  const windowMs = hearing.heardUntilMs - fromMs;
  const stepMs = Math.max(
    limits.shortestStepMs,
    limits.passMs * passDuty,
    windowMs / passesPerWindow,
  );
  const heardSinceMs = hearing.heardUntilMs - Math.max(hearing.lastPassUntilMs, fromMs);
  if (heardSinceMs < stepMs) return undefined;
  return windowOf("partial", fromMs, hearing.heardUntilMs, Number.NEGATIVE_INFINITY, limits);
}

/** How far words are known, for the cutter: over the settled speech, and through any silence after it. */
export function settledHorizonMs(hearing: Hearing): number {
  const first = unsettledStretches(hearing)[0];
  return first ? Math.max(hearing.settledUntilMs, first.startMs) : hearing.heardUntilMs;
}

/** Where the first word could begin that is not committed; undefined in settled silence. */
export function openSpeechStartMs(hearing: Hearing): number | undefined {
  return unsettledSpeech(hearing)[0]?.startMs;
}

/** Stretches that no final pass has heard to their end. */
function unsettledStretches(hearing: Hearing): readonly SpeechStretch[] {
  const going = hearing.speaking ? hearing.speech.at(-1) : undefined;
  return hearing.speech.filter(
    (one) =>
      one.endMs > hearing.settledUntilMs &&
      (one === going || one.endMs - hearing.lastWordEndMs >= shortestRemainderMs),
  );
}

/** The same, without what is in committed words. */
function unsettledSpeech(hearing: Hearing): readonly SpeechStretch[] {
  const openMs = Math.max(hearing.lastWordEndMs, hearing.settledUntilMs - longestWordMs);
  return unsettledStretches(hearing).map((one) => ({
    startMs: Math.min(one.endMs, Math.max(one.startMs, openMs)),
    endMs: one.endMs,
  }));
}

function windowOf(
  kind: DecodePlan["kind"],
  fromMs: number,
  toMs: number,
  commitUntilMs: number,
  limits: DecodeLimits,
): DecodePlan {
  const longest = toMs - limits.longestWindowMs;
  // Word times are not exact: a window is never empty for it.
  const beginMs = Math.max(0, longest, Math.min(fromMs, toMs - marginMs));
  return { kind, fromMs: beginMs, toMs, commitUntilMs };
}
