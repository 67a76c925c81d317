import { expect, test } from "bun:test";
import fc from "fast-check";
import { correlationOf, crossfade } from "../../../src/audio/crossfade.ts";

test("the power of the sum stays, whatever two sounds have in common", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9600 }),
      fc.double({ min: -0.5, max: 1, noNaN: true }),
      (length, correlation) => {
        const gains = crossfade(length, correlation);
        for (let n = 0; n < length; n += 7) {
          const [a, b] = [gains.out[n]!, gains.in[n]!];
          expect(a * a + b * b + 2 * correlation * a * b).toBeCloseTo(1, 5);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test("sounds that are alike keep their amplitude, others share the power", () => {
  const alike = crossfade(101, 1);
  expect(alike.out[50]).toBeCloseTo(0.5, 5);
  const strangers = crossfade(101, 0);
  expect(strangers.out[50]).toBeCloseTo(Math.SQRT1_2, 5);
  expect(strangers.in[0]).toBeLessThan(0.01);
  expect(strangers.out[100]).toBeLessThan(0.01);
});

test("what cancels itself out is not raised without end", () => {
  const gains = crossfade(1001, -1);
  expect(Math.max(...gains.out, ...gains.in)).toBeLessThan(1.16);
});

test("how far two sounds are alike", () => {
  const tone = (hz: number, phase = 0) =>
    Float32Array.from({ length: 4800 }, (_, n) =>
      Math.sin((2 * Math.PI * hz * n) / 48_000 + phase),
    );
  expect(correlationOf(tone(440), tone(440))).toBeCloseTo(1, 5);
  expect(correlationOf(tone(440), tone(440, Math.PI))).toBeCloseTo(-1, 5);
  expect(Math.abs(correlationOf(tone(440), tone(550)))).toBeLessThan(0.05);
  expect(correlationOf(tone(440), new Float32Array(4800))).toBe(0);
});
