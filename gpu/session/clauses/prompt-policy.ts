/** Longest prompt given to the recogniser, in words: more than it takes in tokens, so that it fills its own limit. */
const longestPromptWords = 64;
/** After so long a silence the topic may be another, and a wrong prompt invents words. */
export const promptLifeMs = 5000;

/** What the recogniser is told was said before. Immutable, bounded. */
export interface PromptState {
  /** With their punctuation, oldest first. */
  readonly words: readonly string[];
  /** End of the newest accepted word, session time in ms. */
  readonly saidUntilMs: number;
}

export const noPrompt: PromptState = { words: [], saidUntilMs: Number.NEGATIVE_INFINITY };

/** Words that were committed together. */
export interface AcceptedWords {
  readonly words: readonly string[];
  /** Start of the first and end of the last, session time in ms. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Committed words become the prompt of what follows; the oldest give way. */
export function withAccepted(prompt: PromptState, accepted: AcceptedWords): PromptState {
  const before = isStale(prompt, accepted.startMs) ? [] : prompt.words;
  return {
    words: [...before, ...accepted.words].slice(-longestPromptWords),
    saidUntilMs: Math.max(prompt.saidUntilMs, accepted.endMs),
  };
}

/** A guard refused a pass: the prompt may be what led it astray. */
export const afterRejection = (): PromptState => noPrompt;

/**
 * The prompt for a window whose speech begins at `speechStartMs` (session time); empty after a long silence.
 */
export function promptText(prompt: PromptState, speechStartMs: number): string {
  return isStale(prompt, speechStartMs) ? "" : prompt.words.join(" ");
}

const isStale = (prompt: PromptState, startMs: number): boolean =>
  startMs - prompt.saidUntilMs >= promptLifeMs;
