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

/** Committed words kept to know them again when a later pass hears them once more; a window holds no more. */
const rememberedWords = 64;
/** Words in a row that show that a pass says what was committed. */
const contextWords = 3;
/** Two measurements of one word's start, in windows that begin at different places, are never further apart. */
const measuredWithinMs = 500;
/** Words that a window may hold more, or fewer, than the committed times say: those are not exact. */
const windowSlackWords = 3;

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
  /** Where the decoded window began, session time in ms: committed words after it are heard again. */
  readonly fromMs: number;
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
  const fresh = withoutCommitted(state.tail, spokenInOrder(pass.words), pass.fromMs);
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
): CommitStep {
  const fresh = withoutCommitted(state.tail, spokenInOrder(pass.words), pass.fromMs);
  const beyond = fresh.findIndex((word) => word.endMs > untilMs);
  return take(state, fresh, beyond === -1 ? fresh.length : beyond, pass.heardUntilMs);
}

/** The pass was refused by a guard: it is no opinion, and neither is the one before it. */
export function forgetTentative(state: CommitState): CommitState {
  return { ...state, tentative: [] };
}

/**
 * Takes back the newest committed words, of which nothing was made yet: they are an opinion again, and the next pass
 * hears them with what follows.
 */
export function takenBack(state: CommitState, count: number): CommitState {
  if (count === 0) return state;
  const kept = Math.max(0, state.tail.length - count);
  return {
    ...state,
    tail: state.tail.slice(0, kept),
    tentative: [...state.tail.slice(kept), ...state.tentative],
  };
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
 * A pass whose window begins before the last committed word hears some of them again. They end where it says the
 * newest committed words once more, about as many words into the window as were committed after its beginning.
 * Where it says something else there, as many words were committed in other words as lie before the committed end,
 * but no more than the window holds of committed ones.
 */
function withoutCommitted(
  tail: readonly TimedWord[],
  words: readonly TimedWord[],
  fromMs: number,
): readonly TimedWord[] {
  const last = tail.at(-1);
  if (!last) return words;
  const again = tail.filter((word) => middleOf(word) > fromMs).length;
  let best: Match | undefined;
  for (let index = 0; index < words.length; index++) {
    const match = matchBack(tail, { words, fromMs }, index, again - 1);
    if (isRepeat(match, last, words[index]) && isBetter(match, best)) best = match;
  }
  if (best) return words.slice(best.index + 1);
  const firstNew = words.findIndex((word) => middleOf(word) >= last.endMs);
  const audible = tail.filter((word) => word.endMs > fromMs).length;
  return words.slice(Math.min(audible, firstNew === -1 ? words.length : firstNew));
}

interface Match {
  readonly index: number;
  /** Words before and at `index` that repeat the tail's end, at most {@link contextWords}. */
  readonly run: number;
  /** No word spoke against it: the run ended where one of the two began. */
  readonly whole: boolean;
  /** How many words it lies beside its expected place. */
  readonly away: number;
  /** Between the starts of the two last words. */
  readonly distanceMs: number;
  /** The window begins before the last committed word, so that some run is expected. */
  readonly due: boolean;
}

function matchBack(
  tail: readonly TimedWord[],
  { words, fromMs }: Pick<Pass, "words" | "fromMs">,
  index: number,
  expected: number,
): Match {
  const away = Math.abs(index - Math.max(0, expected));
  const distanceMs = Math.abs((tail.at(-1)?.startMs ?? 0) - (words[index]?.startMs ?? 0));
  for (let run = 0; ; run++) {
    const committed = tail[tail.length - 1 - run];
    const heard = words[index - run];
    const over = run === contextWords || !committed || !heard;
    if (!over && normaliseWord(committed.text) === normaliseWord(heard.text)) continue;
    // A word that the window's beginning cuts may be heard as anything: it does not speak against the match.
    const isCut = index === run && committed !== undefined && committed.startMs < fromMs;
    return { index, run, whole: over || isCut, away, distanceMs, due: expected >= 0 };
  }
}

/** The same word heard again, and not said again: that would begin after the end of what is committed. */
function isRepeat(match: Match, last: TimedWord, heard: TimedWord | undefined): boolean {
  if (match.run === 0 || !heard) return false;
  const isThere = last.startMs < heard.endMs && heard.startMs < last.endMs;
  if (match.away > windowSlackWords && !(isThere && match.run > 1)) return false;
  if (isThere) return true;
  // Where one is due, a run of several words is known by itself, unless measured times speak against it.
  const isMeasured = last.laid !== true && heard.laid !== true;
  return match.due && match.run > 1 && !(isMeasured && match.distanceMs > measuredWithinMs);
}

function isBetter(match: Match, other: Match | undefined): boolean {
  if (!other) return true;
  if (match.whole !== other.whole) return match.whole;
  if (!match.whole && match.run !== other.run) return match.run > other.run;
  return misplacement(match) < misplacement(other);
}

/** In a row of equal words times decide; but a window is rarely more than a word off. */
const misplacement = ({ away, distanceMs }: Match): number =>
  distanceMs + 50 * away + 1000 * Math.max(0, away - 1);

const middleOf = (word: TimedWord): number => (word.startMs + word.endMs) / 2;

/** Times never run back: a word that a later pass placed earlier starts where the one before it ended. */
function afterEach(last: TimedWord | undefined, words: readonly TimedWord[]): TimedWord[] {
  let fromMs = last?.endMs ?? Number.NEGATIVE_INFINITY;
  return words.map((word) => {
    const startMs = Math.max(word.startMs, fromMs);
    const endMs = Math.max(word.endMs, startMs);
    fromMs = endMs;
    return { ...word, startMs, endMs };
  });
}
