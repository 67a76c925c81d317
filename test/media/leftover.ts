import type { Stems } from "./stems.ts";

type Stretches = Stems["said"];
type Sound = ArrayLike<number>;

/** The gains of each part are told for pieces of this length: what is left for a moment only counts as much as it is. */
const pieceSamples = 24_000;

/** What a sound holds of known parts, by least squares in pieces of half a second; levels in dB. */
export interface Parts {
  /** The first part's power in the sound over its power by itself. */
  readonly firstDb: number;
  /** The sound without its third part. */
  readonly withoutThird: Float32Array;
  /** The sound without its first and third part: the second, and what is none of them. */
  readonly rest: Float32Array;
}

/**
 * How much of three known parts is in a sound (all interleaved stereo on one timeline): in each piece of the
 * stretches the sound is projected on all three at once, so that parts which happen to be alike there are not
 * taken for each other.
 */
export function projectParts(
  sound: Sound,
  parts: readonly [Sound, Sound, Sound],
  stretches: Stretches,
): Parts {
  let found = 0;
  let whole = 0;
  const withoutThird = Float32Array.from(sound);
  const rest = Float32Array.from(sound);
  for (const [from, to] of piecesOf(stretches)) {
    const [first, , third] = leastSquares(sound, parts, from, to) as [number, number, number];
    const power = product(parts[0], parts[0], from, to);
    found += first ** 2 * power;
    whole += power;
    for (let at = from; at < to; at++) {
      withoutThird[at]! -= third * parts[2][at]!;
      rest[at] = withoutThird[at]! - first * parts[0][at]!;
    }
  }
  return { firstDb: 10 * Math.log10(found / whole), withoutThird, rest };
}

/** Places in interleaved samples. */
function piecesOf(stretches: Stretches): [number, number][] {
  return stretches.flatMap(({ startSample, endSample }) => {
    const count = Math.max(1, Math.round((endSample - startSample) / pieceSamples));
    const border = (n: number) =>
      2 * Math.round(startSample + ((endSample - startSample) * n) / count);
    return Array.from({ length: count }, (_, n): [number, number] => [border(n), border(n + 1)]);
  });
}

/** The gains g that bring Σ g·part nearest to the sound; a part that is silent there gets 0. */
function leastSquares(sound: Sound, parts: readonly Sound[], from: number, to: number): number[] {
  const rows = parts.map((part) => [
    ...parts.map((other) => product(part, other, from, to)),
    product(part, sound, from, to),
  ]);
  for (const [index, row] of rows.entries()) if (row[index]! < 1) row[index] = 1;
  return solved(rows);
}

/** Gauss elimination with pivots on a small positive definite system. */
function solved(rows: number[][]): number[] {
  const count = rows.length;
  for (let column = 0; column < count; column++)
    for (let row = 0; row < count; row++) {
      if (row === column) continue;
      const factor = rows[row]![column]! / rows[column]![column]!;
      for (let n = column; n <= count; n++) rows[row]![n]! -= factor * rows[column]![n]!;
    }
  return rows.map((row, index) => row[count]! / row[index]!);
}

function product(a: Sound, b: Sound, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) sum += a[at]! * b[at]!;
  return sum;
}

/** The stretches that lie in both. */
export function inBoth(one: Stretches, other: Stretches): Stretches {
  return one
    .flatMap((a) =>
      other.map((b) => ({
        startSample: Math.max(a.startSample, b.startSample),
        endSample: Math.min(a.endSample, b.endSample),
      })),
    )
    .filter(({ startSample, endSample }) => endSample > startSample);
}
