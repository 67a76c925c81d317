import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  chooseTempo,
  fadeEnds,
  fastestTempo,
  layOut,
  slowestTempo,
  trimSilence,
} from "../../../gpu/pipeline/fit.ts";

describe("the tempo of a dub", () => {
  test.each([
    ["fills its slot when it is a little too long", 4400, 3800, 4000, 1.1],
    ["stays natural between the original's end and the slot's end", 3900, 3800, 4000, 1],
    ["slows towards the original when it is shorter", 3600, 4000, 6000, 0.9],
    ["slows no further than still sounds natural", 1000, 4000, 6000, 0.85],
    ["goes no faster than still sounds natural", 9000, 3800, 4000, 1.3],
  ])("%s", (_, naturalMs, sourceMs, slotMs, tempo) => {
    expect(chooseTempo({ naturalMs, sourceMs, slotMs }).tempo).toBeCloseTo(tempo, 10);
  });

  test("says when the range does not suffice", () => {
    expect(chooseTempo({ naturalMs: 9000, sourceMs: 1, slotMs: 4000 }).clamped).toBe(true);
    expect(chooseTempo({ naturalMs: 4400, sourceMs: 1, slotMs: 4000 }).clamped).toBe(false);
  });

  test("is in range for every length, even where nothing is left of the slot", () => {
    const ms = fc.integer({ min: -5000, max: 30_000 });
    fc.assert(
      fc.property(ms, ms, ms, (naturalMs, sourceMs, slotMs) => {
        const { tempo } = chooseTempo({ naturalMs, sourceMs, slotMs });
        expect(tempo).toBeGreaterThanOrEqual(slowestTempo);
        expect(tempo).toBeLessThanOrEqual(fastestTempo);
        if (naturalMs > 0 && naturalMs > slotMs) expect(tempo).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});

describe("trimming", () => {
  const rateHz = 1000; // 30 samples are kept on both sides

  test("takes the silence around speech, never the speech", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 200 }),
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 50 }),
        fc.nat({ max: 200 }),
        (before, speech, after) => {
          const words = [0.5, ...speech, -0.5].map(Math.fround);
          const audio = Float32Array.from([
            ...Array<number>(before).fill(0.001),
            ...words,
            ...Array<number>(after).fill(-0.001),
          ]);
          const trimmed = trimSilence(audio, rateHz);
          const kept = [Math.min(30, before), Math.min(30, after)] as const;
          expect(trimmed.length).toBe(kept[0] + words.length + kept[1]);
          expect([...trimmed.subarray(kept[0], kept[0] + words.length)]).toEqual(words);
        },
      ),
    );
  });

  test("leaves nothing of silence", () => {
    expect(trimSilence(new Float32Array(500), rateHz)).toHaveLength(0);
  });

  test("is followed by ends without a click", () => {
    const audio = fadeEnds(new Float32Array(100).fill(1), rateHz);
    expect(Math.abs(audio[0]!)).toBeLessThan(0.2);
    expect(Math.abs(audio[99]!)).toBeLessThan(0.2);
    expect(audio[50]).toBe(1);
  });
});

describe("laying out the dubs of a fragment", () => {
  const dubs = fc.array(
    fc.record({
      startSample: fc.nat({ max: 300 }),
      audio: fc
        .array(fc.integer({ min: -8, max: 8 }), { maxLength: 100 })
        .map((list) => Float32Array.from(list, (value) => value / 8)),
    }),
    { maxLength: 5 },
  );

  test("keeps every sample of every dub, and is never shorter than the fragment", () => {
    fc.assert(
      fc.property(dubs, fc.nat({ max: 300 }), (list, length) => {
        const track = layOut(list, length);
        expect(track.length).toBeGreaterThanOrEqual(length);
        const sum = (values: Float32Array) => values.reduce((total, value) => total + value, 0);
        const all = list.reduce((total, dub) => total + sum(dub.audio), 0);
        expect(sum(track)).toBeCloseTo(all, 6);
      }),
    );
  });

  test("grows only as far as the last dub reaches", () => {
    const audio = new Float32Array(50).fill(0.5);
    expect(layOut([{ startSample: 80, audio }], 100)).toHaveLength(130);
    expect(layOut([{ startSample: 50, audio }], 100)).toHaveLength(100);
  });
});
