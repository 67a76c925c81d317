import { type TimedWord, textOf } from "./words.ts";

/** What `transcript:partial` says: text that grows, of which the first characters will not change any more. */
export interface PartialTranscript {
  /** Session time of the first word, ms. */
  readonly startMs: number;
  readonly text: string;
  /** Characters of `text` that are committed. */
  readonly stableChars: number;
}

/**
 * @param uncut committed words that are in no clause yet
 * @param tentative what the last pass says beyond them
 * @returns undefined when there is nothing to show
 */
export function partialTranscript(
  uncut: readonly TimedWord[],
  tentative: readonly TimedWord[],
): PartialTranscript | undefined {
  const words = [...uncut, ...tentative];
  const first = words[0];
  const text = textOf(words);
  if (!first || text === "") return undefined;
  return { startMs: first.startMs, text, stableChars: textOf(uncut).length };
}
