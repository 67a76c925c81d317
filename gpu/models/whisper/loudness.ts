/** Takes the hum and the beat out: most of a word's energy that tells it from music lies above. */
const preEmphasis = 0.97;
/** The pauses' level, and the speech's, among the levels of a window. */
const quietShare = 0.1;
const loudShare = 0.9;
/** The border lies this far up from the pauses' level; measured over speech with music and with a crowd. */
const borderShare = 0.4;
/** Deeper than this below the speech all is equally silent: digital silence must not move the border. */
const deepestDb = 40;
/** So far from the border, in dB, a position is surely sound or surely a pause. */
const certainDb = 4;

/**
 * How surely each stretch of a sound is a pause (-1) or not (1), judged against the sound's own levels.
 *
 * @param samples mono, -1..1
 * @param stretchSamples length of a stretch; the last one may be shorter
 */
export function loudnessOf(samples: Float32Array, stretchSamples: number): Float64Array {
  const levels = new Float64Array(Math.ceil(samples.length / stretchSamples));
  for (let stretch = 0; stretch < levels.length; stretch++) {
    const from = stretch * stretchSamples;
    const to = Math.min(samples.length, from + stretchSamples);
    let energy = 1e-9;
    for (let i = from; i < to; i++)
      energy += (samples[i]! - preEmphasis * (samples[i - 1] ?? 0)) ** 2;
    levels[stretch] = 10 * Math.log10(energy / (to - from));
  }
  const sorted = levels.toSorted();
  const levelAt = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  const loud = levelAt(loudShare);
  const quiet = Math.max(levelAt(quietShare), loud - deepestDb);
  const border = quiet + borderShare * (loud - quiet);
  return levels.map((level) => Math.max(-1, Math.min(1, (level - border) / certainDb)));
}
