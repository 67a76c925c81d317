import { normaliseWord } from "./words.ts";

export interface RepetitionLimits {
  /** Longest phrase that is looked for, in words. */
  readonly longestPhrase: number;
  /** One word this often in a row is a loop: people say "no, no, no, no", not eight times. */
  readonly mostSingle: number;
  /** A pair of words. */
  readonly mostPairs: number;
  /** Three words and more. */
  readonly mostPhrases: number;
}

export const defaultRepetitionLimits: RepetitionLimits = {
  longestPhrase: 12,
  mostSingle: 8,
  mostPairs: 5,
  mostPhrases: 4,
};

export interface Loop {
  /** Index of the first word of the first round. */
  readonly start: number;
  /** Words in a round. */
  readonly length: number;
  /** Whole rounds, one after another. */
  readonly rounds: number;
}

/** The first phrase that is said again and again without a break, by normalised words. */
export function findLoop(
  words: readonly string[],
  limits: RepetitionLimits = defaultRepetitionLimits,
): Loop | undefined {
  const said = words.map((word) => normaliseWord(word));
  for (let length = 1; length <= Math.min(limits.longestPhrase, said.length); length++) {
    const loop = loopOf(said, length, roundsOf(length, limits));
    if (loop) return loop;
  }
  return undefined;
}

function loopOf(said: readonly string[], length: number, leastRounds: number): Loop | undefined {
  let same = 0;
  for (let i = length; i <= said.length; i++) {
    if (i < said.length && said[i] === said[i - length]) {
      same++;
      continue;
    }
    const rounds = Math.floor(same / length) + 1;
    if (rounds >= leastRounds) return { start: i - same - length, length, rounds };
    same = 0;
  }
  return undefined;
}

function roundsOf(length: number, limits: RepetitionLimits): number {
  if (length === 1) return limits.mostSingle;
  return length === 2 ? limits.mostPairs : limits.mostPhrases;
}
