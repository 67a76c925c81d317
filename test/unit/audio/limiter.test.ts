import { expect, test } from "bun:test";
import { TruePeakLimiter } from "../../../src/audio/limiter.ts";
import { resample } from "../../../src/audio/resample.ts";

const block = 960;
const ceiling = 0.8;

/** Runs a mono signal through both channels; returns what comes out, aligned with what went in. */
function limit(signal: Float32Array): Float32Array {
  const limiter = new TruePeakLimiter(block, ceiling);
  const blocks = signal.length / block;
  const output = new Float32Array(signal.length);
  for (let n = 0; n <= blocks; n++) {
    const stereo = new Float32Array(2 * block);
    for (let k = 0; k < 2 * block; k++) stereo[k] = signal[n * block + (k >> 1)] ?? 0;
    const gains = limiter.push(stereo);
    if (n === 0) continue;
    for (let k = 0; k < block; k++) {
      const at = (n - 1) * block + k;
      output[at] = signal[at]! * (gains?.[k] ?? 1);
    }
  }
  return output;
}

const truePeak = (signal: Float32Array) =>
  resample(signal, 48_000, 192_000).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);

const burst = (hz: number, amplitude: number, phase: number) =>
  Float32Array.from({ length: 20 * block }, (_, n) => {
    const loud = n > 5000 && n < 9000 ? amplitude : 0.3;
    return loud * Math.sin((2 * Math.PI * hz * n) / 48_000 + phase);
  });

test("no peak passes the ceiling, those between the samples included", () => {
  for (const [hz, phase] of [
    [997, 0],
    [12_000, Math.PI / 4], // every sample is 3 dB under the wave's peak
    [60, 1],
  ] as const) {
    const signal = burst(hz, 1.4, phase);
    expect(truePeak(signal)).toBeGreaterThan(1.3);
    expect(truePeak(limit(signal))).toBeLessThan(ceiling * 1.03);
  }
});

test("what is quiet passes bit by bit, and comes back after a peak", () => {
  const quiet = burst(997, 0.3, 0);
  expect(limit(quiet)).toEqual(quiet);
  const output = limit(burst(997, 1.4, 0));
  const end = output.subarray(18 * block);
  expect(Math.max(...end)).toBeCloseTo(0.3, 1);
});

test("the gain moves without a step", () => {
  const limiter = new TruePeakLimiter(block, ceiling);
  const gains: number[] = [];
  for (let n = 0; n < 20; n++) {
    const loud = new Float32Array(2 * block).fill(0.1);
    if (n === 5) loud.fill(3, 200, 204);
    for (const gain of limiter.push(loud) ?? new Float32Array(block).fill(1)) gains.push(gain);
  }
  expect(Math.min(...gains)).toBeLessThan(ceiling / 2.9);
  for (let n = 1; n < gains.length; n++)
    expect(Math.abs(gains[n]! - gains[n - 1]!)).toBeLessThan(1 / 200);
});

test("of a noise of any loudness no peak passes, wherever the blocks' edges lie", () => {
  let seed = 7;
  const noise = (amplitude: number) =>
    Float32Array.from({ length: 12 * block }, (_, n) => {
      seed = (seed * 48_271) % 0x7fffffff;
      // Quiet, with single loud samples: most of a block needs no look between its samples.
      const loud = n % 479 === 0 ? amplitude : 0.1;
      return loud * (seed / 0x3fffffff - 1);
    });
  for (const amplitude of [0.5, 1, 3]) {
    const signal = noise(amplitude);
    const output = limit(signal);
    expect(truePeak(output)).toBeLessThan(ceiling * 1.03);
    const needsNothing = truePeak(signal) < ceiling * 0.97;
    if (needsNothing) expect(output).toEqual(signal);
  }
});
