/** How sure a recogniser was of what it heard in one pass; probabilities, 0..1. */
export interface Sureness {
  /** Of the tokens that it chose: their geometric mean. */
  readonly confidence: number;
  /** That nothing was said at all. */
  readonly noSpeechProbability: number;
  /** Of the language that it was told to hear; absent where it does not tell. */
  readonly languageProbability?: number | undefined;
}

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
  /** Its time was not measured, but laid over the speech: off by as much as the speaker's rate varies. */
  readonly laid?: boolean;
  /** Probability of this word, 0..1; absent where the recogniser does not tell. */
  readonly confidence?: number | undefined;
  /** Of the pass that committed it. */
  readonly pass?: Sureness;
}

/** @param facts what a pass says of itself */
export function surenessOf(facts: {
  readonly meanLogProbability: number;
  readonly noSpeechProbability: number;
  readonly languageProbability?: number | undefined;
}): Sureness {
  const { meanLogProbability, noSpeechProbability, languageProbability } = facts;
  return { confidence: Math.exp(meanLogProbability), noSpeechProbability, languageProbability };
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
