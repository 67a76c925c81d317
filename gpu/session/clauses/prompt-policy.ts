/** Longest prompt given to the recogniser, in words: more than it takes in tokens, so that it fills its own limit. */
const longestPromptWords = 64;
/** After so long a silence the topic may be another, and a wrong prompt invents words. */
export const promptLifeMs = 5000;

/** A word as it was accepted, with its punctuation. Session time, ms. */
export interface AcceptedWord {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** What the recogniser is told was said before. Immutable, bounded. */
export interface PromptState {
  /** Oldest first. */
  readonly words: readonly AcceptedWord[];
}

export const noPrompt: PromptState = { words: [] };

/** Words that were committed together become the prompt of what follows; the oldest give way. */
export function withAccepted(prompt: PromptState, accepted: readonly AcceptedWord[]): PromptState {
  const [first] = accepted;
  if (first === undefined) return prompt;
  const before = isStale(prompt.words, first.startMs) ? [] : prompt.words;
  return { words: [...before, ...accepted].slice(-longestPromptWords) };
}

/** A guard refused a pass: the prompt may be what led it astray. */
export const afterRejection = (): PromptState => noPrompt;

/**
 * The prompt for a window that begins at `fromMs` (session time): what was said before it, and not what it holds, as
 * the recogniser leaves out what it was told was said; empty after a long silence.
 */
export function promptText(prompt: PromptState, fromMs: number): string {
  const before = prompt.words.filter((word) => (word.startMs + word.endMs) / 2 < fromMs);
  return isStale(before, fromMs) ? "" : before.map((word) => word.text).join(" ");
}

const isStale = (words: readonly AcceptedWord[], startMs: number): boolean =>
  startMs - (words.at(-1)?.endMs ?? Number.NEGATIVE_INFINITY) >= promptLifeMs;
