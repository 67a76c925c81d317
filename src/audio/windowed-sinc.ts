const kaiserBeta = 7.857; // 80 dB of stopband attenuation (Kaiser and Schafer, 1980)

/**
 * A low-pass filter's impulse response under a Kaiser window (stopband about −80 dB).
 *
 * @param distance from its centre, in samples
 * @param cutoff relative to the Nyquist frequency, in (0, 1]; at 1 it is 0 at every whole distance but 0
 * @param reach samples to each side, beyond which it is 0
 */
export function windowedSinc(distance: number, cutoff: number, reach: number): number {
  return sinc(cutoff * distance) * kaiser(distance / reach);
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Kaiser window at a position in [-1, 1]. */
function kaiser(position: number): number {
  const inside = 1 - position * position;
  return inside <= 0 ? 0 : besselI0(kaiserBeta * Math.sqrt(inside)) / besselI0(kaiserBeta);
}

/** Modified Bessel function of the first kind, order zero, by its power series. */
function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
