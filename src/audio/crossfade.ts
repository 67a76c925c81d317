/**
 * Two sounds that are more against each other than this are treated as if they were not: no pair of gains keeps the
 * level of what cancels itself out.
 */
const leastCorrelation = -0.5;

/** One gain a sample, for the sound that goes and for the one that comes. */
export interface Crossfade {
  readonly out: Float32Array;
  readonly in: Float32Array;
}

/**
 * A crossfade that keeps the power of the sum: equal power (sine and cosine) for sounds that have nothing in common,
 * gains that add up to 1 for sounds that are alike, and what lies between for all others
 * (g_out² + g_in² + 2·ρ·g_out·g_in = 1).
 *
 * @param length in samples
 * @param correlation ρ of the two over that length, −1..1
 */
export function crossfade(length: number, correlation: number): Crossfade {
  const gains = { out: new Float32Array(length), in: new Float32Array(length) };
  const alike = Math.max(leastCorrelation, correlation);
  for (let n = 0; n < length; n++) {
    const angle = (Math.PI / 2) * ((n + 0.5) / length);
    const level = Math.sqrt(1 + alike * Math.sin(2 * angle));
    gains.out[n] = Math.cos(angle) / level;
    gains.in[n] = Math.sin(angle) / level;
  }
  return gains;
}

/** How far two sounds of one length are alike, −1..1; 0 where one of them is silent. */
export function correlationOf(one: ArrayLike<number>, other: ArrayLike<number>): number {
  let [both, first, second] = [0, 0, 0];
  for (let n = 0; n < Math.min(one.length, other.length); n++) {
    const [a, b] = [one[n] as number, other[n] as number];
    both += a * b;
    first += a * a;
    second += b * b;
  }
  return first === 0 || second === 0 ? 0 : both / Math.sqrt(first * second);
}
