import { splitAtPunctuation } from "../models/kokoro/phonemes.ts";

/** A stretch of text that is spoken in one call, and the pause that follows it. */
export interface Piece {
  readonly text: string;
  /** Pause after it at tempo 1; 0 after the last. */
  readonly pauseMs: number;
}

/** Words before which a phrase may begin; a stretch without punctuation is cut there first. */
const phraseStarts = new Set(
  (
    "e ou mas que porque quando onde como se para por de do da em no na com sem " +
    "and or but that because when where which who if for of in on with without to " +
    "y pero cuando donde si con sin et mais quand où avec dans pour che quando con per ma"
  ).split(" "),
);

/** Pauses by the mark they follow, as a newsreader makes them. */
function pauseAfter(text: string): number {
  if (/[.!?…]["'”’)]*$/u.test(text)) return 240;
  if (/[;:—]["'”’)]*$/u.test(text)) return 180;
  if (/,["'”’)]*$/u.test(text)) return 120;
  return 30;
}

/**
 * Cuts text into pieces of at most `longest` characters: at sentence ends first, then at other marks, then
 * before a phrase, then between words. Neighbouring short stretches stay together. No word is ever cut.
 */
export function cutIntoPieces(text: string, longest: number): Piece[] {
  const pieces: string[] = [];
  for (const stretch of stretchesOf(text).flatMap((part) => splitStretch(part, longest))) {
    const last = pieces.at(-1);
    const together = last === undefined ? stretch : `${last} ${stretch}`;
    const afterSentence = last !== undefined && /[.!?…]["'”’)]*$/u.test(last);
    const join = last !== undefined && !afterSentence && together.length <= longest;
    if (join) pieces[pieces.length - 1] = together;
    else pieces.push(stretch);
  }
  return pieces.map((piece, index) => ({
    text: piece,
    pauseMs: index === pieces.length - 1 ? 0 : pauseAfter(piece),
  }));
}

/** Text between punctuation, each with the marks that follow it. */
function stretchesOf(text: string): string[] {
  const stretches: string[] = [];
  for (const part of splitAtPunctuation(text)) {
    const opensNext = part.kind === "marks" && /^[“"(¡¿]+$/u.test(part.text.trim());
    if (part.kind === "words" || opensNext || stretches.length === 0)
      stretches.push(part.text.trim());
    else stretches[stretches.length - 1] += part.text.trim();
  }
  return stretches.filter((stretch) => /[\p{L}\p{N}]/u.test(stretch));
}

/** Halves a stretch that is too long, near its middle, before a phrase if there is one. */
function splitStretch(text: string, longest: number): string[] {
  if (text.length <= longest) return [text];
  const gaps = [...text.matchAll(/\s+/gu)].map((match) => ({
    at: match.index,
    phrase: phraseStarts.has(/^\s+(\S+)/u.exec(text.slice(match.index))?.[1]?.toLowerCase() ?? ""),
  }));
  const middle = text.length / 2;
  const cost = (gap: { at: number; phrase: boolean }) =>
    Math.abs(gap.at - middle) + (gap.phrase ? 0 : text.length / 5);
  const best = gaps.toSorted((one, other) => cost(one) - cost(other))[0];
  if (best === undefined) return [text];
  return [text.slice(0, best.at).trim(), text.slice(best.at).trim()].flatMap((half) =>
    splitStretch(half, longest),
  );
}
