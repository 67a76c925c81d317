/** Twiddle factors and radices of one length, made once. */
interface Plan {
  /** In the order in which their passes run; their product is the length. */
  readonly radices: readonly number[];
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** A complex signal, its parts apart. */
interface Parts {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

const plans = new Map<number, Plan>();
const plansKept = 16;

const sin60 = Math.sqrt(3) / 2;
const [cos72, sin72] = [Math.cos((2 * Math.PI) / 5), Math.sin((2 * Math.PI) / 5)];
const [cos144, sin144] = [Math.cos((4 * Math.PI) / 5), Math.sin((4 * Math.PI) / 5)];

/**
 * A fast Fourier transform of one fixed length whose prime factors are 2, 3 and 5 (mixed radix, Stockham's
 * form: each pass leaves its output in order). Not normalised: `inverse` after `forward` gives the input
 * times the length.
 */
export class Fft {
  readonly #plan: Plan;
  readonly #scratch: Parts;

  /** @throws {RangeError} when the length has another prime factor */
  constructor(readonly length: number) {
    this.#plan = planOf(length);
    this.#scratch = { re: new Float64Array(length), im: new Float64Array(length) };
  }

  /** Transforms in place. */
  forward(re: Float64Array, im: Float64Array): void {
    const { radices } = this.#plan;
    const outer = { re, im };
    // Each pass writes into the other pair of arrays; an even number of passes ends where it began.
    const isOdd = radices.length % 2 === 1;
    if (isOdd) copy(outer, this.#scratch);
    let [from, to] = isOdd ? [this.#scratch, outer] : [outer, this.#scratch];
    let done = 1;
    for (const radix of radices) {
      passes[radix]!(this.#plan, from, to, this.length / (done * radix), done);
      done *= radix;
      [from, to] = [to, from];
    }
  }

  /** Transforms back in place, not divided by the length. */
  inverse(re: Float64Array, im: Float64Array): void {
    this.forward(im, re); // swapping the parts before and after conjugates both ways
  }
}

function copy(from: Parts, to: Parts): void {
  to.re.set(from.re);
  to.im.set(from.im);
}

/**
 * One pass: `parts` butterflies of `radix` inputs each, for every one of `stride` interleaved signals.
 * Input k of butterfly p lies at stride·(p + parts·k), output j at stride·(radix·p + j), turned by the
 * p·j·stride-th twiddle factor.
 */
type Pass = (plan: Plan, from: Parts, to: Parts, parts: number, stride: number) => void;

const pass2: Pass = ({ cos, sin }, { re, im }, to, parts, stride) => {
  const outRe = to.re;
  const outIm = to.im;
  const apart = stride * parts;
  for (let p = 0; p < parts; p++) {
    const c = cos[p * stride]!;
    const s = sin[p * stride]!;
    for (let q = 0; q < stride; q++) {
      const a = q + stride * p;
      const b = a + apart;
      const at = q + stride * 2 * p;
      const dr = re[a]! - re[b]!;
      const di = im[a]! - im[b]!;
      outRe[at] = re[a]! + re[b]!;
      outIm[at] = im[a]! + im[b]!;
      outRe[at + stride] = dr * c - di * s;
      outIm[at + stride] = dr * s + di * c;
    }
  }
};

const pass3: Pass = ({ cos, sin }, { re, im }, to, parts, stride) => {
  const outRe = to.re;
  const outIm = to.im;
  const apart = stride * parts;
  for (let p = 0; p < parts; p++) {
    const turn = p * stride;
    const c1 = cos[turn]!;
    const s1 = sin[turn]!;
    const c2 = cos[2 * turn]!;
    const s2 = sin[2 * turn]!;
    for (let q = 0; q < stride; q++) {
      const a = q + stride * p;
      const b = a + apart;
      const c = b + apart;
      const at = q + stride * 3 * p;
      const sumRe = re[b]! + re[c]!;
      const sumIm = im[b]! + im[c]!;
      const midRe = re[a]! - sumRe / 2;
      const midIm = im[a]! - sumIm / 2;
      const sideRe = sin60 * (im[b]! - im[c]!);
      const sideIm = sin60 * (re[c]! - re[b]!);
      outRe[at] = re[a]! + sumRe;
      outIm[at] = im[a]! + sumIm;
      outRe[at + stride] = (midRe + sideRe) * c1 - (midIm + sideIm) * s1;
      outIm[at + stride] = (midRe + sideRe) * s1 + (midIm + sideIm) * c1;
      outRe[at + 2 * stride] = (midRe - sideRe) * c2 - (midIm - sideIm) * s2;
      outIm[at + 2 * stride] = (midRe - sideRe) * s2 + (midIm - sideIm) * c2;
    }
  }
};

const pass4: Pass = ({ cos, sin }, { re, im }, to, parts, stride) => {
  const outRe = to.re;
  const outIm = to.im;
  const apart = stride * parts;
  for (let p = 0; p < parts; p++) {
    const turn = p * stride;
    const c1 = cos[turn]!;
    const s1 = sin[turn]!;
    const c2 = cos[2 * turn]!;
    const s2 = sin[2 * turn]!;
    const c3 = cos[3 * turn]!;
    const s3 = sin[3 * turn]!;
    for (let q = 0; q < stride; q++) {
      const a = q + stride * p;
      const b = a + apart;
      const c = b + apart;
      const d = c + apart;
      const at = q + stride * 4 * p;
      const acRe = re[a]! + re[c]!;
      const acIm = im[a]! + im[c]!;
      const bdRe = re[b]! + re[d]!;
      const bdIm = im[b]! + im[d]!;
      const evenRe = re[a]! - re[c]!;
      const evenIm = im[a]! - im[c]!;
      const oddRe = im[b]! - im[d]!; // −i·(b − d)
      const oddIm = re[d]! - re[b]!;
      outRe[at] = acRe + bdRe;
      outIm[at] = acIm + bdIm;
      outRe[at + stride] = (evenRe + oddRe) * c1 - (evenIm + oddIm) * s1;
      outIm[at + stride] = (evenRe + oddRe) * s1 + (evenIm + oddIm) * c1;
      outRe[at + 2 * stride] = (acRe - bdRe) * c2 - (acIm - bdIm) * s2;
      outIm[at + 2 * stride] = (acRe - bdRe) * s2 + (acIm - bdIm) * c2;
      outRe[at + 3 * stride] = (evenRe - oddRe) * c3 - (evenIm - oddIm) * s3;
      outIm[at + 3 * stride] = (evenRe - oddRe) * s3 + (evenIm - oddIm) * c3;
    }
  }
};

const pass5: Pass = ({ cos, sin }, { re, im }, to, parts, stride) => {
  const outRe = to.re;
  const outIm = to.im;
  const apart = stride * parts;
  for (let p = 0; p < parts; p++) {
    const turn = p * stride;
    const c1 = cos[turn]!;
    const s1 = sin[turn]!;
    const c2 = cos[2 * turn]!;
    const s2 = sin[2 * turn]!;
    const c3 = cos[3 * turn]!;
    const s3 = sin[3 * turn]!;
    const c4 = cos[4 * turn]!;
    const s4 = sin[4 * turn]!;
    for (let q = 0; q < stride; q++) {
      const a = q + stride * p;
      const b = a + apart;
      const c = b + apart;
      const d = c + apart;
      const e = d + apart;
      const at = q + stride * 5 * p;
      const beRe = re[b]! + re[e]!;
      const beIm = im[b]! + im[e]!;
      const cdRe = re[c]! + re[d]!;
      const cdIm = im[c]! + im[d]!;
      const nearRe = re[a]! + cos72 * beRe + cos144 * cdRe;
      const nearIm = im[a]! + cos72 * beIm + cos144 * cdIm;
      const farRe = re[a]! + cos144 * beRe + cos72 * cdRe;
      const farIm = im[a]! + cos144 * beIm + cos72 * cdIm;
      const nearSideRe = sin72 * (im[b]! - im[e]!) + sin144 * (im[c]! - im[d]!);
      const nearSideIm = sin72 * (re[e]! - re[b]!) + sin144 * (re[d]! - re[c]!);
      const farSideRe = sin144 * (im[b]! - im[e]!) - sin72 * (im[c]! - im[d]!);
      const farSideIm = sin144 * (re[e]! - re[b]!) - sin72 * (re[d]! - re[c]!);
      outRe[at] = re[a]! + beRe + cdRe;
      outIm[at] = im[a]! + beIm + cdIm;
      outRe[at + stride] = (nearRe + nearSideRe) * c1 - (nearIm + nearSideIm) * s1;
      outIm[at + stride] = (nearRe + nearSideRe) * s1 + (nearIm + nearSideIm) * c1;
      outRe[at + 2 * stride] = (farRe + farSideRe) * c2 - (farIm + farSideIm) * s2;
      outIm[at + 2 * stride] = (farRe + farSideRe) * s2 + (farIm + farSideIm) * c2;
      outRe[at + 3 * stride] = (farRe - farSideRe) * c3 - (farIm - farSideIm) * s3;
      outIm[at + 3 * stride] = (farRe - farSideRe) * s3 + (farIm - farSideIm) * c3;
      outRe[at + 4 * stride] = (nearRe - nearSideRe) * c4 - (nearIm - nearSideIm) * s4;
      outIm[at + 4 * stride] = (nearRe - nearSideRe) * s4 + (nearIm - nearSideIm) * c4;
    }
  }
};

const passes: Readonly<Record<number, Pass>> = { 2: pass2, 3: pass3, 4: pass4, 5: pass5 };

function planOf(length: number): Plan {
  const known = plans.get(length);
  if (known !== undefined) return known;
  const radices: number[] = [];
  let rest = length;
  for (const radix of [4, 2, 3, 5])
    while (rest > 1 && rest % radix === 0) {
      radices.push(radix);
      rest /= radix;
    }
  if (!Number.isInteger(length) || length < 1 || rest !== 1)
    throw new RangeError(`an FFT's length is a product of 2, 3 and 5, not ${length}`);
  const turn = (n: number) => (-2 * Math.PI * n) / length;
  const plan = {
    radices,
    cos: Float64Array.from({ length }, (_, n) => Math.cos(turn(n))),
    sin: Float64Array.from({ length }, (_, n) => Math.sin(turn(n))),
  };
  if (plans.size < plansKept) plans.set(length, plan);
  return plan;
}
