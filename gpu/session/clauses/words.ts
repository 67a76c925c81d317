/**
 * A word as recognised, with its place in session time.
 * `text` carries its punctuation and no space around it; `endMs` is never before `startMs`.
 */
export interface TimedWord {
  readonly text: string;
  /** Session time, ms. */
  readonly startMs: number;
  /** Session time, ms; the moment after its last sound. */
  readonly endMs: number;
}

/** A stretch in which the voice activity detector heard no speech, session time in ms. */
export interface Silence {
  readonly startMs: number;
  /** Of a silence that is still going on: how far it has been heard. */
  readonly endMs: number;
}

/** Letters, digits and marks of a word in one form: what two passes must agree on. */
export function normaliseWord(text: string): string {
  const folded = text.normalize("NFKC").toLowerCase();
  const bare = folded.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
  return bare.replace(/[’ʼ`]/g, "'");
}

/** The words as one line of text. */
export function textOf(words: readonly TimedWord[]): string {
  return words
    .map((word) => word.text.trim())
    .filter((text) => text !== "")
    .join(" ");
}

/** From the first word's start to the latest end, ms; 0 without words. */
export function spanMs(words: readonly TimedWord[]): number {
  const first = words[0];
  if (!first) return 0;
  return words.reduce((end, word) => Math.max(end, word.endMs), first.startMs) - first.startMs;
}

/** True when the word has at least one letter or digit: a lone dash or note sign is no word. */
export function isSpoken(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}

/** `pt-BR`, `pt_br` and `PT` are all `pt`. */
export function primarySubtag(language: string): string {
  return (language.split(/[-_]/)[0] ?? "").toLowerCase();
}
