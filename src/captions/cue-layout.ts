import { type Atom, wordsOf } from "./atoms.ts";
import { breakText } from "./break-text.ts";

/** What is said in one clause and when; times in milliseconds on any one clock. */
export interface CaptionUnit {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Where each of its words lies, where that is known. */
  readonly words?: readonly TimedWord[] | undefined;
}

export interface TimedWord {
  readonly word: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** One caption as it is shown. */
export interface Cue {
  readonly startMs: number;
  readonly endMs: number;
  /** One or two, each at most 42 columns. */
  readonly lines: readonly string[];
  /** More than 17 characters a second, although it stays as long as the next cue lets it. */
  readonly tooFast: boolean;
}

/** Reading speed, in user-perceived characters. */
export const mostCharactersPerSecond = 17;
/** A cue stays at least this long, unless the next one is due before. */
export const shortestCueMs = 1000;
/** Two cues closer than this touch: a caption that blinks is harder to read than one that stays. */
const closedGapMs = 320;
/** However dense the speech is, a cue stays this long, and the ones behind it wait. */
export const barestCueMs = 250;

/** A cue before its neighbours are known. */
export interface RawCue {
  readonly lines: readonly string[];
  readonly startMs: number;
  readonly endMs: number;
  readonly graphemes: number;
}

/** Takes one clause apart into cues, timed by its words where these are known, else by their share of the text. */
export function rawCues(unit: CaptionUnit): RawCue[] {
  const cues = breakText(unit.text);
  const total = cues.reduce((sum, { atoms }) => sum + graphemesIn(atoms), 0);
  const lengthMs = Math.max(0, unit.endMs - unit.startMs);
  const aligned = alignedWords(unit);
  let spoken = 0;
  return cues.map(({ lines, atoms }) => {
    const graphemes = graphemesIn(atoms);
    const shareMs = (count: number) => unit.startMs + (lengthMs * count) / total;
    const from = shareMs(spoken);
    spoken += graphemes;
    const first = aligned?.[atoms[0]?.word ?? 0];
    const last = aligned?.[atoms.at(-1)?.word ?? 0];
    // A word that is broken over two cues begins only once: the second part goes by its share.
    const startsWord = atoms[0]?.spaced === true || atoms[0]?.word === 0;
    return {
      lines,
      startMs: Math.round(startsWord && first ? first.startMs : from),
      endMs: Math.round(last?.endMs ?? shareMs(spoken)),
      graphemes: graphemes + blanksIn(atoms),
    };
  });
}

/**
 * Gives a cue its time: from where it is said, at least as long as it takes to read, never into the next one.
 *
 * @param freeFromMs where the cue before ends
 * @param next what follows, as far as it is known
 */
export function placeCue(raw: RawCue, freeFromMs: number, next: RawCue | undefined): Cue {
  const startMs = Math.max(raw.startMs, freeFromMs);
  const readingMs = Math.ceil((raw.graphemes * 1000) / mostCharactersPerSecond);
  const wishedMs = Math.max(raw.endMs, startMs + shortestCueMs, startMs + readingMs);
  const limitMs = Math.max(next?.startMs ?? Number.POSITIVE_INFINITY, startMs + barestCueMs);
  const closes = limitMs - wishedMs < closedGapMs;
  const endMs = closes ? limitMs : wishedMs;
  return { startMs, endMs, lines: raw.lines, tooFast: endMs - startMs < readingMs };
}

/** Lays out clauses that are all known, in the order of their times. */
export function layOutCues(units: readonly CaptionUnit[]): Cue[] {
  const raw = inOrder(units).flatMap(rawCues);
  let freeFromMs = 0;
  return raw.map((cue, index) => {
    const placed = placeCue(cue, freeFromMs, raw[index + 1]);
    freeFromMs = placed.endMs;
    return placed;
  });
}

/** Units by their start; those that start together stay in the order in which they came. */
function inOrder(units: readonly CaptionUnit[]): CaptionUnit[] {
  return units.toSorted((a, b) => a.startMs - b.startMs);
}

/** The words' times, if they are the words of the text, one by one and in order; else undefined. */
function alignedWords(unit: CaptionUnit): readonly TimedWord[] | undefined {
  const { words } = unit;
  if (words === undefined || words.length !== wordsOf(unit.text).length) return undefined;
  const ordered = words.every(
    ({ startMs, endMs }, index) =>
      endMs >= startMs && startMs >= (words[index - 1]?.startMs ?? Number.NEGATIVE_INFINITY),
  );
  return ordered ? words : undefined;
}

function graphemesIn(atoms: readonly Atom[]): number {
  return atoms.reduce((sum, { graphemes }) => sum + graphemes, 0);
}

function blanksIn(atoms: readonly Atom[]): number {
  return atoms.filter(({ spaced }, index) => spaced && index > 0).length;
}
