/** Decibels → linear amplitude. */
export function fromDecibels(decibels: number): number {
  return 10 ** (decibels / 20);
}

/**
 * A gain on its way from one value to another over a block, equal in power: of two sources that swap
 * places, the powers sum to a constant (g = √(a² + (b² − a²)·sin²(πt/2)); from 0 to 1 a quarter sine).
 * Without a kink at either end, so that a switch is never heard as a click.
 *
 * @param length samples over which the way is gone
 * @returns one gain a sample; the last is nearly `to`, which the next block goes on with
 */
export function equalPowerRamp(from: number, to: number, length: number): Float32Array {
  const gains = new Float32Array(length);
  if (from === to) return gains.fill(from);
  const rise = powerRise(length);
  const fromPower = from * from;
  const difference = to * to - fromPower;
  for (let n = 0; n < length; n++) gains[n] = Math.sqrt(fromPower + difference * rise[n]!);
  return gains;
}

const rises = new Map<number, Float64Array>();
const risesKept = 8;

/** sin² over a quarter turn, made once for each length that is used again and again. */
function powerRise(length: number): Float64Array {
  const known = rises.get(length);
  if (known !== undefined) return known;
  const rise = Float64Array.from({ length }, (_, n) => Math.sin((Math.PI / 2) * (n / length)) ** 2);
  if (rises.size < risesKept) rises.set(length, rise);
  return rise;
}

/** Fades the first samples of interleaved PCM in, or the last ones out, in place. */
export function fadeEdge(
  samples: Int16Array,
  channels: number,
  fadeSamples: number,
  edge: "in" | "out",
): void {
  const frames = Math.floor(samples.length / channels);
  const length = Math.min(fadeSamples, frames);
  for (let n = 0; n < length; n++) {
    const gain = Math.sin((Math.PI / 2) * ((n + 0.5) / length));
    const frame = edge === "in" ? n : frames - 1 - n;
    for (let channel = 0; channel < channels; channel++) {
      const at = frame * channels + channel;
      samples[at] = Math.round((samples[at] as number) * gain);
    }
  }
}
