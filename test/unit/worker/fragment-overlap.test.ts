import { expect, test } from "bun:test";
import { fragmentLimits } from "../../../src/worker/fragment-length.ts";
import { FragmentOverlap } from "../../../src/worker/fragment-overlap.ts";
import type { Stretch } from "../../../src/worker/fragmenter.ts";

const stretch = (startMs: number, endMs: number, speech = true): Stretch => ({
  startSample: startMs * 48,
  endSample: endMs * 48,
  speech,
  cutAt: "limit",
});

test("a fragment hears the end of the one before it again, where it goes on from it", () => {
  const overlap = new FragmentOverlap(150);
  expect(overlap.next(stretch(0, 900, false))).toBe(0);
  expect(overlap.next(stretch(900, 2400))).toBe(0); // silence comes before it
  expect(overlap.next(stretch(2400, 3900))).toBe(150 * 48);
  expect(overlap.next(stretch(3900, 4100))).toBe(150 * 48);
  expect(overlap.next(stretch(4100, 5000))).toBe(100 * 48); // half of the 200 ms before it
  expect(overlap.next(stretch(5500, 6000))).toBe(0); // a hole
  expect(overlap.next(stretch(6000, 6500, false))).toBe(0);
  expect(overlap.next(stretch(6500, 7000))).toBe(0);
});

test("without overlap nothing is heard twice", () => {
  const overlap = new FragmentOverlap(0);
  overlap.next(stretch(0, 1000));
  expect(overlap.next(stretch(1000, 2000))).toBe(0);
});

test("what is heard again is a part of the longest fragment, at most its half", () => {
  expect(fragmentLimits("live", 6000, undefined, 200)).toMatchObject({
    longestMs: 2300,
    overlapMs: 200,
  });
  expect(fragmentLimits("live", 6000)).toMatchObject({ longestMs: 2500, overlapMs: 0 });
  expect(fragmentLimits("live", 6000, 250, 200)).toMatchObject({ longestMs: 125, overlapMs: 125 });
});
