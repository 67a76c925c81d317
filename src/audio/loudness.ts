/** Loudness by ITU-R BS.1770-5 at 48 kHz. */

/** The two filters of K-weighting: a head's shelf, then a high-pass (BS.1770-5, tables 1 and 2). */
const stages = [
  {
    b: [1.53512485958697, -2.69169618940638, 1.19839281085285],
    a: [-1.69065929318241, 0.73248077421585],
  },
  { b: [1, -2, 1], a: [-1.99004745483398, 0.99007225036621] },
] as const;

const offsetLufs = -0.691;
/** Blocks 10 dB under the mean of all do not count: pauses with noise in them. */
const relativeGate = 0.1;

/** K-weighting of one channel, its state kept from call to call. */
export class KWeighting {
  readonly #state = new Float64Array(4);

  /**
   * The mean power of `count` samples after weighting.
   * @param channels interleaved channels in `samples`, of which `channel` is weighed
   * @param scale what counts as full scale
   */
  power(
    samples: Float32Array | Int16Array,
    channels: number,
    channel: number,
    scale: number,
  ): number {
    const [shelf, highPass] = stages;
    let [s1, s2, h1, h2] = this.#state as unknown as [number, number, number, number];
    let sum = 0;
    const count = Math.floor(samples.length / channels);
    for (let n = 0; n < count; n++) {
      const x = samples[n * channels + channel]! / scale;
      const y = shelf.b[0] * x + s1;
      s1 = shelf.b[1] * x - shelf.a[0] * y + s2;
      s2 = shelf.b[2] * x - shelf.a[1] * y;
      const z = highPass.b[0] * y + h1;
      h1 = highPass.b[1] * y - highPass.a[0] * z + h2;
      h2 = highPass.b[2] * y - highPass.a[1] * z;
      sum += z * z;
    }
    this.#state.set([s1, s2, h1, h2]);
    return count === 0 ? 0 : sum / count;
  }
}

/** Sum of the channels' mean powers → LUFS; silence is −Infinity. */
function toLufs(power: number): number {
  return offsetLufs + 10 * Math.log10(power);
}

/** Loudness of the newest blocks that were not silent. */
export class ActiveLoudness {
  #powers: number[] = [];

  /**
   * @param blocks how many blocks count, e.g. 150 of 20 ms for a short-term loudness
   * @param gateLufs quieter blocks are pauses, and do not count
   */
  constructor(
    private readonly blocks: number,
    private readonly gateLufs: number,
  ) {}

  /** Blocks that count now. */
  get count(): number {
    return this.#powers.length;
  }

  /** The sum of the channels' mean powers of the next block. */
  push(power: number): void {
    if (!(toLufs(power) > this.gateLufs)) return;
    this.#powers.push(power);
    if (this.#powers.length > this.blocks) this.#powers.shift();
  }

  /** In LUFS; −Infinity before the first block that counts. */
  get lufs(): number {
    const gate = mean(this.#powers) * relativeGate;
    return toLufs(mean(this.#powers.filter((power) => power >= gate)));
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
