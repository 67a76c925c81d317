/** Longest prompt given to the recogniser. */
export const longestPromptTokens = 64;
/** After so long a silence the topic may be another, and a wrong prompt invents words. */
export const promptLifeMs = 5000;

/** What the recogniser is told was said before. Immutable, at most {@link longestPromptTokens}. */
export interface PromptState {
  /** Tokens of whole words, oldest first. */
  readonly words: readonly (readonly number[])[];
  /** End of the newest accepted word, session time in ms. */
  readonly saidUntilMs: number;
}

export const noPrompt: PromptState = { words: [], saidUntilMs: Number.NEGATIVE_INFINITY };

/** Words that were committed together. */
export interface AcceptedWords {
  /** Tokens of each word, in order. */
  readonly tokens: readonly (readonly number[])[];
  /** Start of the first and end of the last, session time in ms. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Committed words become the prompt of what follows; the oldest give way, whole words at a time. */
export function withAccepted(prompt: PromptState, accepted: AcceptedWords): PromptState {
  const before = isStale(prompt, accepted.startMs) ? [] : prompt.words;
  const kept: (readonly number[])[] = [];
  let room = longestPromptTokens;
  for (const word of [...before, ...accepted.tokens].toReversed()) {
    if (word.length > room) break;
    room -= word.length;
    kept.unshift(word);
  }
  return { words: kept, saidUntilMs: Math.max(prompt.saidUntilMs, accepted.endMs) };
}

/** A guard refused a pass: the prompt may be what led it astray. */
export const afterRejection = (): PromptState => noPrompt;

/**
 * The prompt for a window whose speech begins at `speechStartMs` (session time); empty after a long silence.
 */
export function promptTokens(prompt: PromptState, speechStartMs: number): number[] {
  return isStale(prompt, speechStartMs) ? [] : prompt.words.flat();
}

const isStale = (prompt: PromptState, startMs: number): boolean =>
  startMs - prompt.saidUntilMs >= promptLifeMs;
