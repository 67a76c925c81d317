import { isPhantom } from "./phantom-phrases.ts";
import { type RepetitionLimits, defaultRepetitionLimits, findLoop } from "./repetition.ts";
import { isSpoken, normaliseWord } from "./words.ts";

/** What a pass says about itself, beside its words. */
export interface HypothesisFacts {
  /** In order, with their punctuation. */
  readonly words: readonly string[];
  /** Probability of the model's no-speech token, 0..1. */
  readonly noSpeechProbability: number;
  /** Natural logarithm, per token. */
  readonly meanLogProbability: number;
  /** Bytes of the text over its deflated bytes. */
  readonly compressionRatio: number;
  /** The end did not come within a plausible number of tokens. */
  readonly capped: boolean;
  /** Speech that the voice activity detector heard in the decoded window, ms. */
  readonly speechMs: number;
}

export interface GuardLimits {
  /** At or above: nothing was said (measured 0.83–0.93 on silence and noise). */
  readonly noSpeechProbability: number;
  /** Short windows of clear speech reach this; it refuses only what the model is not sure of either. */
  readonly doubtfulNoSpeechProbability: number;
  readonly doubtfulMeanLogProbability: number;
  /** Less speech than this in the window is a click. */
  readonly leastSpeechMs: number;
  /** Above: the text repeats itself. */
  readonly compressionRatio: number;
  /** Below: the model guessed. */
  readonly meanLogProbability: number;
  /** Faster than anyone speaks: letters and digits a second of speech. */
  readonly lettersPerSecond: number;
  /** Letters before the rate is judged at all: short windows are measured badly. */
  readonly lettersOfGrace: number;
  /** At or above, a phrase that models invent on noise is not believed. */
  readonly phantomNoSpeechProbability: number;
  /** Nor with less speech than this. */
  readonly phantomSpeechMs: number;
  readonly repetition: RepetitionLimits;
}

export const defaultGuardLimits: GuardLimits = {
  noSpeechProbability: 0.8,
  doubtfulNoSpeechProbability: 0.6,
  doubtfulMeanLogProbability: -0.5,
  leastSpeechMs: 120,
  compressionRatio: 2.4,
  meanLogProbability: -1,
  lettersPerSecond: 28,
  lettersOfGrace: 24,
  phantomNoSpeechProbability: 0.15,
  phantomSpeechMs: 350,
  repetition: defaultRepetitionLimits,
};

/** Why a pass is not believed. */
export const refusalReasons = [
  "no_speech",
  "too_little_speech",
  "unended",
  "compression",
  "repetition",
  "low_confidence",
  "too_fast",
  "phantom",
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/**
 * Every reason not to believe a pass; none for a good one, and none for one without words.
 * A figure that is not a number is no evidence of anything and is refused as low confidence.
 */
export function refusals(
  facts: HypothesisFacts,
  language: string,
  limits: GuardLimits = defaultGuardLimits,
): RefusalReason[] {
  const words = facts.words.filter((word) => isSpoken(word));
  if (words.length === 0) return [];
  const found: [RefusalReason, boolean][] = [
    ["no_speech", heardNothing(facts, limits)],
    ["too_little_speech", facts.speechMs < limits.leastSpeechMs],
    ["unended", facts.capped],
    ["compression", facts.compressionRatio > limits.compressionRatio],
    ["repetition", findLoop(words, limits.repetition) !== undefined],
    ["low_confidence", !(facts.meanLogProbability >= limits.meanLogProbability)],
    ["too_fast", isTooFast(words, facts.speechMs, limits)],
    ["phantom", isPhantom(words, language) && hasLittleEvidence(facts, limits)],
  ];
  return found.filter(([, refused]) => refused).map(([reason]) => reason);
}

function heardNothing(facts: HypothesisFacts, limits: GuardLimits): boolean {
  if (facts.noSpeechProbability >= limits.noSpeechProbability) return true;
  return (
    facts.noSpeechProbability >= limits.doubtfulNoSpeechProbability &&
    facts.meanLogProbability < limits.doubtfulMeanLogProbability
  );
}

function isTooFast(words: readonly string[], speechMs: number, limits: GuardLimits): boolean {
  const letters = words.reduce((sum, word) => sum + normaliseWord(word).length, 0);
  return letters > limits.lettersOfGrace + limits.lettersPerSecond * (speechMs / 1000);
}

const hasLittleEvidence = (facts: HypothesisFacts, limits: GuardLimits): boolean =>
  facts.noSpeechProbability >= limits.phantomNoSpeechProbability ||
  facts.speechMs < limits.phantomSpeechMs;
