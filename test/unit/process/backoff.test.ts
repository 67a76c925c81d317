import { expect, test } from "bun:test";
import fc from "fast-check";
import { Backoff } from "../../../src/process/backoff.ts";

test("delays double from the first to the cap", () => {
  const backoff = new Backoff({ firstMs: 1000, capMs: 30_000 });
  const delays = Array.from({ length: 7 }, () => backoff.next());
  expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  backoff.reset();
  expect(backoff.next()).toBe(1000);
});

test("jitter stays within its share", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (random) => {
      const backoff = new Backoff({
        firstMs: 1000,
        capMs: 1000,
        jitter: 0.1,
        random: () => random,
      });
      const delay = backoff.next();
      expect(delay).toBeGreaterThanOrEqual(900);
      expect(delay).toBeLessThanOrEqual(1100);
    }),
  );
});
