/** Below this level (−1 dBFS) nothing is touched. */
const knee = 0.891;

/**
 * Rounds off what a sum of sources would clip: linear up to −1 dBFS, then bent so that full scale is
 * approached and never passed. `sample` and the result have 1 as full scale.
 */
export function softClip(sample: number): number {
  const level = Math.abs(sample);
  if (level <= knee) return sample;
  const bent = knee + (1 - knee) * Math.tanh((level - knee) / (1 - knee));
  return sample < 0 ? -bent : bent;
}
