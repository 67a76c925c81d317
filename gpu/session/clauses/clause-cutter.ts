import {
  type BoundaryFacts,
  type NaturalReason,
  endsPoorly,
  naturalCut,
  scoreForced,
} from "./boundary.ts";
import type { CutterLimits } from "./cutter-limits.ts";
import { type Silence, type TimedWord, spanMs, textOf } from "./words.ts";

/**
 * Why a clause ended where it did. Forced: `cap` (the latest safe moment came), `ordered` (the caller asked for one),
 * `end` (nothing more will come).
 */
export type CutReason = NaturalReason | "cap" | "ordered" | "end";

export interface Clause {
  readonly words: readonly TimedWord[];
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly reason: CutReason;
  readonly forced: boolean;
  /** Ends in an article, preposition or conjunction; then it was forced. */
  readonly poorEnd: boolean;
}

export interface CutterInput {
  /** Committed words that are in no clause yet, in order: the `rest` of the last call, then the new ones. */
  readonly words: readonly TimedWord[];
  /** In order, not overlapping; those that touch the words' time are enough. */
  readonly silences: readonly Silence[];
  /** Session time up to which every word that ended is in `words`, and every silence in `silences`. */
  readonly settledUntilMs: number;
  /** BCP-47 or short code. */
  readonly language: string;
  readonly limits: CutterLimits;
  /** `ordered`: give one clause now if there is any word. `end`: give all. */
  readonly demand?: "ordered" | "end";
}

export interface CutterOutput {
  readonly clauses: readonly Clause[];
  /** What waits for more; goes first in the next call. */
  readonly rest: readonly TimedWord[];
}

/**
 * Cuts committed words into clauses. Pure: all that it remembers is `rest`.
 *
 * A clause ends at a sentence mark; at a comma from `commaCharacters` on; at a silence; otherwise, when its latest
 * safe moment (start + cap) is settled, at the best boundary before it. Only what lies before that moment ever
 * counts, so the same words in other portions give the same clauses (as long as nothing is demanded).
 */
export function cutClauses(input: CutterInput): CutterOutput {
  const clauses: Clause[] = [];
  let rest = input.words;
  let ordered = input.demand === "ordered";
  for (;;) {
    const cut = nextCut(rest, input, ordered);
    if (!cut) return { clauses, rest };
    clauses.push(clauseOf(rest.slice(0, cut.count), cut.reason, input.language));
    rest = rest.slice(cut.count);
    ordered = false;
  }
}

interface Cut {
  readonly count: number;
  readonly reason: CutReason;
}

function nextCut(
  words: readonly TimedWord[],
  input: CutterInput,
  ordered: boolean,
): Cut | undefined {
  const first = words[0];
  const last = words.at(-1);
  if (!first || !last) return undefined;
  const { limits } = input;
  const safeMs = first.startMs + limits.capMs;
  const settledMs = Math.max(input.settledUntilMs, last.endMs);
  const usable = usableCount(words, safeMs, limits.mostWords);
  const crowded = usable === limits.mostWords;
  const full = crowded || settledMs >= safeMs;
  const horizonMs = crowded ? (words[usable - 1]?.endMs ?? safeMs) : Math.min(settledMs, safeMs);
  const within = { words: words.slice(0, usable), horizonMs };
  for (let index = 0; index < usable; index++) {
    const facts = factsAt(within, index, input);
    const reason = naturalCut(facts, limits);
    if (reason === "undecided" && !full && input.demand === undefined) return undefined;
    if (reason !== "none" && reason !== "undecided") return { count: index + 1, reason };
  }
  if (full) return scrapCut(within, input) ?? { count: bestCount(within, input), reason: "cap" };
  if (input.demand === "end") return { count: usable, reason: "end" };
  if (ordered) return { count: bestCount(within, input), reason: "ordered" };
  return undefined;
}

/** Words that end by the safe moment; at least one, for a word longer than the cap cannot be divided. */
function usableCount(words: readonly TimedWord[], safeMs: number, most: number): number {
  const beyond = words.findIndex((word) => word.endMs > safeMs);
  return Math.max(1, Math.min(beyond === -1 ? words.length : beyond, most));
}

interface Window {
  readonly words: readonly TimedWord[];
  readonly horizonMs: number;
}

function factsAt(window: Window, index: number, input: CutterInput): BoundaryFacts {
  const upTo = window.words.slice(0, index + 1);
  return {
    words: upTo,
    next: window.words[index + 1],
    lengthMs: spanMs(upTo),
    pauseMs: pauseAfter(window, index, input.silences),
    language: input.language,
  };
}

/** A short piece waited for company until its latest safe moment, and none came: it ends of itself, if it may. */
function scrapCut(window: Window, input: CutterInput): Cut | undefined {
  const facts = factsAt(window, window.words.length - 1, input);
  if (facts.lengthMs >= input.limits.shortestMs) return undefined;
  const reason = naturalCut(facts, { ...input.limits, shortestMs: 0 });
  if (reason === "none" || reason === "undecided") return undefined;
  return { count: window.words.length, reason };
}

/** The best place among the usable words: a piece of full length if there is one, the best of its kind. */
function bestCount(window: Window, input: CutterInput): number {
  const scores = window.words.map((_, index) =>
    scoreForced(factsAt(window, index, input), input.limits),
  );
  // Of equals the later one: fewer, longer clauses.
  return scores.lastIndexOf(Math.max(...scores)) + 1;
}

/**
 * The longest silence between the middle of a word and the end of the next, as far as the horizon, ms.
 * Recognisers stretch words into the pauses beside them, hence not simply from end to start.
 */
function pauseAfter(window: Window, index: number, silences: readonly Silence[]): number {
  const word = window.words[index];
  if (!word) return 0;
  const fromMs = (word.startMs + word.endMs) / 2;
  const toMs = Math.min(window.words[index + 1]?.endMs ?? window.horizonMs, window.horizonMs);
  return silences.reduce((longest, silence) => {
    const lengthMs = Math.min(silence.endMs, toMs) - Math.max(silence.startMs, fromMs);
    return Math.max(longest, lengthMs);
  }, 0);
}

function clauseOf(words: readonly TimedWord[], reason: CutReason, language: string): Clause {
  const startMs = words[0]?.startMs ?? 0;
  return {
    words,
    text: textOf(words),
    startMs,
    endMs: startMs + spanMs(words),
    reason,
    forced: reason === "cap" || reason === "ordered" || reason === "end",
    poorEnd: endsPoorly(words, language),
  };
}

/** What was cut and why, for metrics and the bench. */
export interface CutTally {
  readonly clauses: number;
  readonly forced: number;
  /** Ends in a function word; all of them are among the forced. */
  readonly poorEnds: number;
  readonly byReason: Readonly<Record<CutReason, number>>;
}

export const noCuts: CutTally = {
  clauses: 0,
  forced: 0,
  poorEnds: 0,
  byReason: { sentence: 0, comma: 0, silence: 0, cap: 0, ordered: 0, end: 0 },
};

export function tallied(tally: CutTally, clauses: readonly Clause[]): CutTally {
  const byReason = { ...tally.byReason };
  for (const clause of clauses) byReason[clause.reason]++;
  const count = (is: (clause: Clause) => boolean): number => clauses.filter(is).length;
  return {
    clauses: tally.clauses + clauses.length,
    forced: tally.forced + count((clause) => clause.forced),
    poorEnds: tally.poorEnds + count((clause) => clause.poorEnd),
    byReason,
  };
}
