/** Why a transcription is not believed. */
export const rejectionReasons = [
  "no speech",
  "unsure",
  "repeats itself",
  "does not end",
  "too fast to be said",
] as const;
export type RejectionReason = (typeof rejectionReasons)[number];

/** What a recogniser says of its own answer. */
export interface Evidence {
  readonly text: string;
  readonly meanLogProbability: number;
  readonly noSpeechProbability: number;
  readonly compressionRatio: number;
  readonly capped: boolean;
}

/** Measured: 0.83–0.93 on silence and noise, below 0.06 on speech. */
const noSpeechLimit = 0.6;
/** Whisper's own thresholds (openai/whisper, `transcribe.py`). */
const meanLogProbabilityLimit = -1;
const compressionRatioLimit = 2.4;
/** A fast speaker reaches 25 characters a second; a hallucinated sentence on a burst of noise far more. */
const fastestCharactersPerSecond = 32;
/** Even a single short word needs room in the rate. */
const charactersOfGrace = 8;

/**
 * The guards against invented text, in order of certainty.
 *
 * @param speechMs length of the speech that the text is said to be
 * @returns the reason to refuse it, or undefined to believe it
 */
export function reasonToReject(evidence: Evidence, speechMs: number): RejectionReason | undefined {
  if (evidence.noSpeechProbability > noSpeechLimit) return "no speech";
  if (evidence.capped) return "does not end";
  if (evidence.compressionRatio > compressionRatioLimit) return "repeats itself";
  if (evidence.meanLogProbability < meanLogProbabilityLimit) return "unsure";
  const longestText = charactersOfGrace + (fastestCharactersPerSecond * speechMs) / 1000;
  if (evidence.text.length > longestText) return "too fast to be said";
  return undefined;
}
