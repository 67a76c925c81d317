import { type TimedWord, isSpoken, normaliseWord } from "./words.ts";

export interface CommitLimits {
  /** Two passes mean the same word only when they place its start within this of each other. */
  readonly toleranceMs: number;
  /** Two passes are two opinions only when the second heard at least this much more. */
  readonly leastNewSoundMs: number;
  /** A word that ends this close to the end of the heard sound may be half a word. */
  readonly edgeMs: number;
}

export const defaultCommitLimits: CommitLimits = {
  toleranceMs: 500,
  leastNewSoundMs: 100,
  edgeMs: 100,
};

/** Committed words kept to know them again when a later pass hears them once more. */
const rememberedWords = 8;
/** Enough to tell one "very" of a row from the next; more would only compare older times. */
const contextWords = 3;

/** What the policy remembers between passes; immutable, bounded. */
export interface CommitState {
  /** Newest committed words, oldest first. */
  readonly tail: readonly TimedWord[];
  /** The last pass, without what is committed. */
  readonly tentative: readonly TimedWord[];
  /** How far the last pass had heard, session time in ms. */
  readonly heardUntilMs: number;
}

export const nothingHeard: CommitState = {
  tail: [],
  tentative: [],
  heardUntilMs: Number.NEGATIVE_INFINITY,
};

/** One decode of everything since the last committed clause (or less), up to `heardUntilMs`. */
export interface Pass {
  readonly words: readonly TimedWord[];
  readonly heardUntilMs: number;
}

export interface CommitStep {
  readonly state: CommitState;
  /** New for good: in order, never earlier than what was committed before, never taken back. */
  readonly committed: readonly TimedWord[];
  /** What the pass says beyond that: for partial transcripts, may still change. */
  readonly tentative: readonly TimedWord[];
}

/**
 * Commits what two passes in a row agree on: the longest common prefix by normalised word, each within the time
 * tolerance (local agreement, Macháček et al. 2023, "Turning Whisper into a Real-Time Transcription System").
 */
export function commitAgreed(
  state: CommitState,
  pass: Pass,
  limits: CommitLimits = defaultCommitLimits,
): CommitStep {
  const fresh = withoutCommitted(state.tail, spokenInOrder(pass.words), limits.toleranceMs);
  const moreSound = pass.heardUntilMs - state.heardUntilMs >= limits.leastNewSoundMs;
  if (!moreSound) return { state, committed: [], tentative: fresh };
  let agreed = 0;
  while (agrees(state.tentative[agreed], fresh[agreed], pass, limits)) agreed++;
  return take(state, fresh, agreed, pass.heardUntilMs);
}

/**
 * The clause is over (its silence, its latest safe moment, the end): all words of this pass that end by `untilMs`
 * are committed; without it, all.
 */
export function commitAll(
  state: CommitState,
  pass: Pass,
  untilMs: number = Number.POSITIVE_INFINITY,
  limits: CommitLimits = defaultCommitLimits,
): CommitStep {
  const fresh = withoutCommitted(state.tail, spokenInOrder(pass.words), limits.toleranceMs);
  const beyond = fresh.findIndex((word) => word.endMs > untilMs);
  return take(state, fresh, beyond === -1 ? fresh.length : beyond, pass.heardUntilMs);
}

/** The pass was refused by a guard: it is no opinion, and neither is the one before it. */
export function forgetTentative(state: CommitState): CommitState {
  return { ...state, tentative: [] };
}

function take(
  state: CommitState,
  fresh: readonly TimedWord[],
  count: number,
  heardUntilMs: number,
): CommitStep {
  const committed = afterEach(state.tail.at(-1), fresh.slice(0, count));
  const tentative = fresh.slice(count);
  return {
    state: {
      tail: [...state.tail, ...committed].slice(-rememberedWords),
      tentative,
      heardUntilMs: Math.max(heardUntilMs, state.heardUntilMs),
    },
    committed,
    tentative,
  };
}

function agrees(
  before: TimedWord | undefined,
  now: TimedWord | undefined,
  pass: Pass,
  limits: CommitLimits,
): boolean {
  if (!before || !now) return false;
  return (
    sameWord(before, now, limits.toleranceMs) && now.endMs <= pass.heardUntilMs - limits.edgeMs
  );
}

const sameWord = (a: TimedWord, b: TimedWord, toleranceMs: number): boolean =>
  normaliseWord(a.text) === normaliseWord(b.text) && Math.abs(a.startMs - b.startMs) <= toleranceMs;

/** Drops marks without a sound of their own and times that are no numbers; sorts nothing, order is the pass's. */
const spokenInOrder = (words: readonly TimedWord[]): readonly TimedWord[] =>
  words.filter(
    (word) => isSpoken(word.text) && Number.isFinite(word.startMs) && Number.isFinite(word.endMs),
  );

/**
 * A pass may begin before the last committed word, so it hears some of them again. They end where the pass says
 * the newest committed words once more, at their times; where it says something else there, by the middle of each
 * word: what lies before the committed end was committed in other words.
 */
function withoutCommitted(
  tail: readonly TimedWord[],
  words: readonly TimedWord[],
  toleranceMs: number,
): readonly TimedWord[] {
  const last = tail.at(-1);
  if (!last) return words;
  let best = noMatch;
  for (let index = 0; index < words.length; index++) {
    const match = matchBack(tail, words, index, toleranceMs);
    if (isBetter(match, best)) best = match;
  }
  // A single word alone may be the same word said twice, unless the two sound at the same time.
  if (best.run > 1 || (best.run === 1 && overlap(last, words[best.index])))
    return words.slice(best.index + 1);
  const firstNew = words.findIndex((word) => (word.startMs + word.endMs) / 2 >= last.endMs);
  return firstNew === -1 ? [] : words.slice(firstNew);
}

interface Match {
  readonly index: number;
  /** Words before and at `index` that repeat the tail's end, at most {@link contextWords}. */
  readonly run: number;
  /** No word spoke against it: the run ended where one of the two began. */
  readonly whole: boolean;
  /** How far off the words lie, on average. */
  readonly distanceMs: number;
}

const noMatch: Match = { index: -1, run: 0, whole: false, distanceMs: Number.POSITIVE_INFINITY };

function matchBack(
  tail: readonly TimedWord[],
  words: readonly TimedWord[],
  index: number,
  toleranceMs: number,
): Match {
  let distanceMs = 0;
  for (let run = 0; ; run++) {
    const committed = tail[tail.length - 1 - run];
    const heard = words[index - run];
    const over = run === contextWords || !committed || !heard;
    if (over || !sameWord(committed, heard, toleranceMs))
      return run === 0 ? noMatch : { index, run, whole: over, distanceMs: distanceMs / run };
    distanceMs += Math.abs(committed.startMs - heard.startMs);
  }
}

/** Times decide among runs that nothing speaks against; a longer run only among the others. */
function isBetter(match: Match, other: Match): boolean {
  if (match.run === 0 || other.run === 0) return match.run > other.run;
  if (match.whole !== other.whole) return match.whole;
  if (!match.whole && match.run !== other.run) return match.run > other.run;
  return match.distanceMs < other.distanceMs;
}

const overlap = (a: TimedWord, b: TimedWord | undefined): boolean =>
  b !== undefined && a.startMs < b.endMs && b.startMs < a.endMs;

/** Times never run back: a word that a later pass placed earlier starts where the one before it ended. */
function afterEach(last: TimedWord | undefined, words: readonly TimedWord[]): TimedWord[] {
  let fromMs = last?.endMs ?? Number.NEGATIVE_INFINITY;
  return words.map((word) => {
    const startMs = Math.max(word.startMs, fromMs);
    const endMs = Math.max(word.endMs, startMs);
    fromMs = endMs;
    return { text: word.text, startMs, endMs };
  });
}
