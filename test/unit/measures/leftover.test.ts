import { expect, test } from "bun:test";
import { inBoth, projectParts } from "../../media/leftover.ts";
import { levelDb } from "../../media/stems.ts";

const samples = 96_000;
const everywhere = [{ startSample: 0, endSample: samples }];

/** Noise of its own for each seed, interleaved stereo. */
function noise(seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: 2 * samples }, () => {
    state = (state * 48_271) % 0x7fffffff;
    return 4000 * (state / 0x3fffffff - 1);
  });
}

const parts = [noise(1234), noise(777), noise(4242)] as const;
const mixed = (gains: readonly number[]) =>
  parts[0].map((_, n) => gains.reduce((sum, gain, index) => sum + gain * parts[index]![n]!, 0));

test("finds how much of each part a sound holds, under parts that are far louder", () => {
  const sound = mixed([0.1, 0.5, 3]);
  const { firstDb, withoutThird, rest } = projectParts(sound, parts, everywhere);
  expect(firstDb).toBeCloseTo(-20, 2);
  expect(levelDb(rest, parts[1], everywhere)).toBeCloseTo(-6.02, 2);
  const powerDb = 10 * Math.log10(0.1 ** 2 + 0.5 ** 2);
  expect(levelDb(withoutThird, parts[1], everywhere)).toBeCloseTo(powerDb, 0);
});

test("what is left for a moment only counts as much as it is, whatever its sign", () => {
  const sound = mixed([0, 1, 1]);
  for (let n = 0; n < samples / 2; n++) sound[n]! -= 0.2 * parts[0][n]!;
  const { firstDb } = projectParts(sound, parts, everywhere);
  expect(firstDb).toBeCloseTo(10 * Math.log10(0.2 ** 2 / 4), 1);
});

test("a part that is silent takes nothing from the others", () => {
  const withSilence = [parts[0], parts[1], new Float32Array(2 * samples)] as const;
  const { firstDb } = projectParts(mixed([0.5, 1, 0]), withSilence, everywhere);
  expect(firstDb).toBeCloseTo(-6.02, 2);
});

test("the stretches in both of two lists", () => {
  const one = [
    { startSample: 0, endSample: 10 },
    { startSample: 20, endSample: 30 },
  ];
  expect(inBoth(one, [{ startSample: 5, endSample: 25 }])).toEqual([
    { startSample: 5, endSample: 10 },
    { startSample: 20, endSample: 25 },
  ]);
});
