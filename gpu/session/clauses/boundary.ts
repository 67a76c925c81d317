import type { CutterLimits } from "./cutter-limits.ts";
import { isClinging, isConjunction, isFunctionWord, isPreposition } from "./function-words.ts";
import { awaitsFigure, finishedNumberMark, markOf, numberGoesOn } from "./sentence-marks.ts";
import { type TimedWord, isSpoken, textOf } from "./words.ts";

/** All that is known of the place between the last of `words` and `next`. */
export interface BoundaryFacts {
  /** The clause, if it ended here; not empty. */
  readonly words: readonly TimedWord[];
  /** Undefined: not heard yet, or beyond the latest safe moment. */
  readonly next: TimedWord | undefined;
  readonly lengthMs: number;
  /** Silence after the last word, as far as it is known. */
  readonly pauseMs: number;
  readonly language: string;
}

/** A figure that follows within less than this belongs to the number before it. */
const numberPauseMs = 300;

/** Why a clause ends of itself. */
export type NaturalReason = "sentence" | "comma" | "silence";

/** True when the last spoken word is an article, preposition or conjunction, whatever punctuation it carries. */
export function endsPoorly(words: readonly TimedWord[], language: string): boolean {
  const last = words.findLast((word) => isSpoken(word.text));
  return last !== undefined && isFunctionWord(last.text, language);
}

/**
 * Whether a clause ends here of itself.
 * `undecided`: what comes next may still make it so, or (a number, a short piece) tell that it is not.
 */
export function naturalCut(
  facts: BoundaryFacts,
  limits: CutterLimits,
): NaturalReason | "none" | "undecided" {
  const later = facts.next ? "none" : "undecided";
  // A recogniser likes to put a full stop after whatever it heard last; "of." is not the end of anything.
  if (endsPoorly(facts.words, facts.language)) return later;
  if (facts.lengthMs < limits.shortestMs && facts.pauseMs < limits.aloneSilenceMs) return later;
  const mark = settledMark(facts);
  if (mark === "sentence") return "sentence";
  if (mark === "clause" && textOf(facts.words).length >= limits.commaCharacters) return "comma";
  if (facts.pauseMs >= limits.silenceMs) return "silence";
  return later;
}

/**
 * How good a place this is when a clause must end somewhere. Ordered by kind first: pieces of full length before
 * scraps, any word before a function word; within a kind by marks, pause, what follows, and length.
 */
export function scoreForced(facts: BoundaryFacts, limits: CutterLimits): number {
  const word = facts.words.at(-1)?.text ?? "";
  const mark = settledMark(facts);
  const poor = endsPoorly(facts.words, facts.language) && mark !== "sentence";
  return (
    (poor ? 0 : 1000) +
    (facts.lengthMs >= limits.shortestMs ? 500 : 0) +
    (mark === "sentence" ? 60 : mark === "clause" ? 40 : 0) +
    40 * Math.min(1, facts.pauseMs / limits.silenceMs) +
    opening(facts.next, facts.language) -
    (mark === "none" && isClinging(word, facts.language) ? 40 : 0) -
    (splitsNumber(word) ? 30 : 0) -
    (splitsName(word, facts.next?.text) ? 25 : 0) +
    30 * Math.min(1, facts.lengthMs / limits.capMs)
  );
}

/** A mark whose meaning hangs on the next word, decided as far as it can be. */
function settledMark(facts: BoundaryFacts): "sentence" | "clause" | "none" {
  const word = facts.words.at(-1)?.text ?? "";
  const mark = markOf(word, facts.language);
  if (mark !== "number" && !(mark === "sentence" && awaitsFigure(word))) return mark;
  const finished = mark === "number" ? finishedNumberMark(word) : "sentence";
  if (facts.pauseMs >= numberPauseMs) return finished;
  if (!facts.next || numberGoesOn(word, facts.next.text)) return "none";
  return finished;
}

function opening(next: TimedWord | undefined, language: string): number {
  if (!next) return 0;
  if (isConjunction(next.text, language)) return 30;
  return isPreposition(next.text, language) ? 15 : 0;
}

/** "twelve | goals" reads badly, "12 | goals" too; only figures are told by their look. */
const splitsNumber = (word: string): boolean => /\p{N}$/u.test(word);

const splitsName = (word: string, next: string | undefined): boolean =>
  next !== undefined && /^\p{Lu}\p{Ll}+$/u.test(word) && /^\p{Lu}/u.test(next);
