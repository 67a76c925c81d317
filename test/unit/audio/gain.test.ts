import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Ducker } from "../../../src/audio/ducker.ts";
import { equalPowerRamp, fadeEdge, fromDecibels } from "../../../src/audio/gain.ts";

const gain = fc.double({ min: 0, max: 2, noNaN: true });

describe("a crossfade", () => {
  test("keeps the power of two sources that swap places", () => {
    const rising = equalPowerRamp(0, 1, 960);
    const falling = equalPowerRamp(1, 0, 960);
    for (const [n, up] of rising.entries()) {
      expect(up ** 2 + (falling[n] ?? 0) ** 2).toBeCloseTo(1, 5);
    }
  });

  test("goes from one gain to the other in small steps, whatever they are", () => {
    fc.assert(
      fc.property(gain, gain, (from, to) => {
        const ramp = [...equalPowerRamp(from, to, 960), to];
        expect(ramp[0]).toBeCloseTo(from, 5);
        for (let n = 1; n < ramp.length; n++) {
          expect(Math.abs((ramp[n] ?? 0) - (ramp[n - 1] ?? 0))).toBeLessThan(0.006);
        }
      }),
    );
  });

  test("an edge is faded in place, on every channel", () => {
    const samples = new Int16Array(200).fill(10_000);
    fadeEdge(samples, 2, 50, "out");
    expect(samples[0]).toBe(10_000);
    expect(samples[198]).toBeLessThan(400);
    expect(samples[199]).toBe(samples[198] ?? -1);
    fadeEdge(samples, 2, 50, "in");
    expect(samples[0]).toBeLessThan(400);
  });
});

describe("the ducker", () => {
  const run = (ducker: Ducker, demand: "duck" | "idle" | "release", ms: number) => {
    let level = 0;
    for (let at = 0; at < ms; at += 10) level = ducker.next(demand, -12, 10);
    return 20 * Math.log10(level);
  };

  test("falls by 12 dB within 50 ms, holds for a second, recovers within 400 ms", () => {
    const ducker = new Ducker();
    expect(run(ducker, "duck", 20)).toBeGreaterThan(-12);
    expect(run(ducker, "duck", 30)).toBeCloseTo(-12, 3);
    expect(run(ducker, "idle", 1000)).toBeCloseTo(-12, 3);
    expect(run(ducker, "idle", 200)).toBeCloseTo(-6, 1);
    expect(run(ducker, "idle", 200)).toBeCloseTo(0, 3);
  });

  test("gives the original back at once when the dub is missing", () => {
    const ducker = new Ducker();
    run(ducker, "duck", 100);
    expect(run(ducker, "release", 400)).toBeCloseTo(0, 3);
  });

  test("an original that was never ducked is at full level", () => {
    expect(new Ducker().next("idle", -12, 20)).toBe(1);
    expect(fromDecibels(-6)).toBeCloseTo(0.501, 3);
  });
});
