/** Where a voice starts before it was heard: phonemes per second at tempo 1, measured on Kokoro's voices. */
const firstRate = 21;
/** Share of the newest measurement in the running rate. */
const newestShare = 0.25;
/** Very short stretches speak slower and say little about the voice. */
const shortestMeasured = 20;

/**
 * How fast a voice speaks, learnt from what it has spoken: predicts the length of a text before it is
 * synthesised, so that most texts are synthesised once.
 */
export class SpeakingRate {
  #phonemesPerSecond = firstRate;
  #measured = false;

  get phonemesPerSecond(): number {
    return this.#phonemesPerSecond;
  }

  /** Length of so many phonemes at tempo 1, in milliseconds. A stretch has a beginning and an end of its own. */
  naturalMs(phonemes: number): number {
    return phonemes === 0 ? 0 : edgesMs + (1000 * phonemes) / this.#phonemesPerSecond;
  }

  /** Takes what a synthesis gave: its phonemes, its length without silence, and the tempo it had. */
  learn(phonemes: number, spokenMs: number, tempo: number): void {
    if (phonemes < shortestMeasured) return;
    const rate = (1000 * phonemes) / Math.max(1, spokenMs * tempo - edgesMs);
    const share = this.#measured ? newestShare : 0.6;
    this.#phonemesPerSecond += share * (rate - this.#phonemesPerSecond);
    this.#measured = true;
  }
}

/** What the first and the last sound of a stretch take beyond the rate. */
const edgesMs = 150;

/**
 * The model's `speed` for a tempo: it rounds each phoneme to whole 25 ms frames, so speeds above 1 give
 * less than they say (measured: 1.1 → 1.07, 1.2 → 1.14, 1.3 → 1.20; above 1.33 phonemes of two frames
 * fall to one all at once and words are lost).
 */
export function speedForTempo(tempo: number): number {
  const speed = tempo > 1 ? 1 + (tempo - 1) * 1.5 : 1 - (1 - tempo) * 1.15;
  return Math.min(fastestSpeed, Math.max(slowestSpeed, speed));
}

/** The tempo that a `speed` gives: the inverse of {@link speedForTempo} within the model's range. */
export function tempoOfSpeed(speed: number): number {
  return speed > 1 ? 1 + (speed - 1) / 1.5 : 1 - (1 - speed) / 1.15;
}

const fastestSpeed = 1.3;
const slowestSpeed = 0.83;
