import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { resample, StreamResampler } from "../../../src/audio/resample.ts";

function tone(hz: number, rateHz: number, seconds: number, amplitude = 0.5): Float32Array {
  return Float32Array.from(
    { length: Math.round(rateHz * seconds) },
    (_, n) => amplitude * Math.sin((2 * Math.PI * hz * n) / rateHz),
  );
}

function rms(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length);
}

/** Largest difference away from the signal's edges, where the silence outside rings. */
function worstDifference(a: Float32Array, b: Float32Array, edge: number): number {
  let worst = 0;
  for (let n = edge; n < Math.min(a.length, b.length) - edge; n++) {
    worst = Math.max(worst, Math.abs((a[n] ?? 0) - (b[n] ?? 0)));
  }
  return worst;
}

describe("resample", () => {
  for (const [fromHz, toHz] of [
    [48000, 16000],
    [24000, 48000],
    [22050, 48000],
    [44100, 48000],
    [48000, 24000],
  ] as const) {
    test(`a 1 kHz tone keeps its phase and level from ${fromHz} to ${toHz} Hz`, () => {
      const output = resample(tone(1000, fromHz, 0.5), fromHz, toHz);
      expect(output.length).toBe(Math.ceil((Math.round(fromHz * 0.5) * toHz) / fromHz));
      expect(worstDifference(output, tone(1000, toHz, 0.5), 400)).toBeLessThan(2e-3);
    });
  }

  test("what lies above the new Nyquist frequency does not fold back", () => {
    for (const hz of [8200, 10000, 14000, 15900]) {
      const output = resample(tone(hz, 48000, 0.5), 48000, 16000);
      expect(
        20 * Math.log10(rms(output.subarray(200, -200)) / rms(tone(hz, 48000, 0.5))),
      ).toBeLessThan(-60);
    }
  });

  test("images of a doubled rate are suppressed", () => {
    const output = resample(tone(3000, 24000, 0.5), 24000, 48000);
    expect(worstDifference(output, tone(3000, 48000, 0.5), 400)).toBeLessThan(2e-3);
  });

  test("equal rates copy", () => {
    const input = tone(440, 48000, 0.01);
    const output = resample(input, 48000, 48000);
    expect(output).toEqual(input);
    expect(output).not.toBe(input);
  });

  test("rates that are no positive integers are refused", () => {
    expect(() => resample(new Float32Array(1), 0, 48000)).toThrow(RangeError);
    expect(() => resample(new Float32Array(1), 48000, 1.5)).toThrow(RangeError);
  });

  test("pieces of any size give the very same output as the whole", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<[number, number]>(
          [48000, 16000],
          [24000, 48000],
          [22050, 16000],
          [16000, 24000],
        ),
        fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 12 }),
        ([fromHz, toHz], sizes) => {
          const total = sizes.reduce((sum, size) => sum + size, 0);
          const input = tone(777, fromHz, total / fromHz).slice(0, total);
          const stream = new StreamResampler(fromHz, toHz);
          const joined: number[] = [];
          let at = 0;
          for (const size of sizes) {
            joined.push(...stream.push(input.slice(at, at + size)));
            at += size;
          }
          joined.push(...stream.flush());
          expect(joined).toEqual([...resample(input, fromHz, toHz)]);
        },
      ),
      { numRuns: 50 },
    );
  });
});
