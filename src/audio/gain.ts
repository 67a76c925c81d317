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
  const fromPower = from * from;
  const difference = to * to - fromPower;
  for (let n = 0; n < length; n++) {
    const sine = Math.sin((Math.PI / 2) * (n / length));
    gains[n] = Math.sqrt(fromPower + difference * sine * sine);
  }
  return gains;
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
