/** Twiddle factors and factors of one length, made once. */
interface Plan {
  readonly factors: readonly number[];
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

const plans = new Map<number, Plan>();
const plansKept = 16;

/**
 * A fast Fourier transform of one fixed length whose prime factors are 2, 3 and 5 (mixed radix,
 * decimation in time). Not normalised: `inverse` after `forward` gives the input times the length.
 */
export class Fft {
  readonly #plan: Plan;
  readonly #scratchRe: Float64Array;
  readonly #scratchIm: Float64Array;

  /** @throws {RangeError} when the length has another prime factor */
  constructor(readonly length: number) {
    this.#plan = planOf(length);
    this.#scratchRe = new Float64Array(length);
    this.#scratchIm = new Float64Array(length);
  }

  /** Transforms in place. */
  forward(re: Float64Array, im: Float64Array): void {
    this.#scratchRe.set(re);
    this.#scratchIm.set(im);
    transform(this.#plan, this.#scratchRe, this.#scratchIm, re, im, this.length, 0, 1, 0, 0);
  }

  /** Transforms back in place, not divided by the length. */
  inverse(re: Float64Array, im: Float64Array): void {
    this.forward(im, re); // swapping the parts before and after conjugates both ways
  }
}

/** Output [out, out + n) = transform of `n` inputs from `at` on, `stride` apart. */
function transform(
  plan: Plan,
  inRe: Float64Array,
  inIm: Float64Array,
  outRe: Float64Array,
  outIm: Float64Array,
  n: number,
  at: number,
  stride: number,
  out: number,
  depth: number,
): void {
  if (n === 1) {
    outRe[out] = inRe[at] as number;
    outIm[out] = inIm[at] as number;
    return;
  }
  const radix = plan.factors[depth] as number;
  const part = n / radix;
  for (let r = 0; r < radix; r++) {
    const from = at + r * stride;
    transform(
      ...([
        plan,
        inRe,
        inIm,
        outRe,
        outIm,
        part,
        from,
        stride * radix,
        out + r * part,
        depth + 1,
      ] as const),
    );
  }
  if (radix === 2) butterfly2(plan, outRe, outIm, part, stride, out);
  else butterfly(plan, outRe, outIm, radix, part, stride, out);
}

function butterfly2(
  { cos, sin }: Plan,
  re: Float64Array,
  im: Float64Array,
  part: number,
  stride: number,
  out: number,
): void {
  for (let k = 0; k < part; k++) {
    const a = out + k;
    const b = a + part;
    const c = cos[k * stride]!;
    const s = sin[k * stride]!;
    const tr = re[b]! * c - im[b]! * s;
    const ti = re[b]! * s + im[b]! * c;
    re[b] = re[a]! - tr;
    im[b] = im[a]! - ti;
    re[a]! += tr;
    im[a]! += ti;
  }
}

const turnedRe = new Float64Array(5);
const turnedIm = new Float64Array(5);

function butterfly(
  { cos, sin }: Plan,
  re: Float64Array,
  im: Float64Array,
  radix: number,
  part: number,
  stride: number,
  out: number,
): void {
  const length = cos.length;
  for (let k = 0; k < part; k++) {
    for (let r = 0; r < radix; r++) {
      const at = out + k + r * part;
      const turn = (r * k * stride) % length;
      turnedRe[r] = re[at]! * cos[turn]! - im[at]! * sin[turn]!;
      turnedIm[r] = re[at]! * sin[turn]! + im[at]! * cos[turn]!;
    }
    for (let q = 0; q < radix; q++) {
      let sumRe = 0;
      let sumIm = 0;
      for (let r = 0; r < radix; r++) {
        const turn = (((q * r) % radix) * length) / radix;
        sumRe += turnedRe[r]! * cos[turn]! - turnedIm[r]! * sin[turn]!;
        sumIm += turnedRe[r]! * sin[turn]! + turnedIm[r]! * cos[turn]!;
      }
      re[out + k + q * part] = sumRe;
      im[out + k + q * part] = sumIm;
    }
  }
}

function planOf(length: number): Plan {
  const known = plans.get(length);
  if (known !== undefined) return known;
  const factors: number[] = [];
  let rest = length;
  for (const factor of [5, 3, 2])
    while (rest > 1 && rest % factor === 0) {
      factors.push(factor);
      rest /= factor;
    }
  if (!Number.isInteger(length) || length < 1 || rest !== 1)
    throw new RangeError(`an FFT's length is a product of 2, 3 and 5, not ${length}`);
  const plan = {
    factors,
    cos: Float64Array.from({ length }, (_, n) => Math.cos((2 * Math.PI * n) / length)),
    sin: Float64Array.from({ length }, (_, n) => -Math.sin((2 * Math.PI * n) / length)),
  };
  if (plans.size < plansKept) plans.set(length, plan);
  return plan;
}
