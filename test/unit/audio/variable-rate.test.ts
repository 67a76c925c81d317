import { expect, test } from "bun:test";
import { VariableRate } from "../../../src/audio/variable-rate.ts";

const rateHz = 48_000;

/** A tone on the left and another on the right. */
function tones(seconds: number, stretch = 1): Int16Array {
  const samples = new Int16Array(2 * Math.round(seconds * rateHz));
  for (let n = 0; n < samples.length / 2; n++) {
    const t = n / stretch / rateHz;
    samples[2 * n] = Math.round(12_000 * Math.sin(2 * Math.PI * 997 * t));
    samples[2 * n + 1] = Math.round(12_000 * Math.sin(2 * Math.PI * 9973 * t));
  }
  return samples;
}

function played(input: Int16Array, ratioAt: (piece: number) => number): Int16Array {
  const rate = new VariableRate();
  const pieces: Int16Array[] = [];
  for (let at = 0; at < input.length; at += 2048)
    pieces.push(rate.push(input.slice(at, at + 2048), ratioAt(at / 2048)));
  pieces.push(rate.flush());
  return Int16Array.from(pieces.flatMap((piece) => [...piece]));
}

function largestDifference(a: Int16Array, b: Int16Array, from: number, to: number): number {
  let worst = 0;
  for (let n = from; n < to; n++) worst = Math.max(worst, Math.abs(a[n]! - b[n]!));
  return worst;
}

test("at ratio 1 every sample comes out as it went in", () => {
  const input = tones(0.5);
  expect(played(input, () => 1)).toEqual(input);
});

test("at another ratio tones are those of a source that much slower, to −70 dB at 10 kHz", () => {
  const input = tones(1);
  for (const ratio of [1.005, 1.0005, 0.995]) {
    const output = played(input, () => ratio);
    const wanted = tones(ratio, ratio);
    expect(Math.abs(output.length - wanted.length)).toBeLessThanOrEqual(4);
    const inside = Math.min(output.length, wanted.length) - 200;
    expect(largestDifference(output, wanted, 200, inside)).toBeLessThan(6);
  }
});

test("where the ratio changes there is no step", () => {
  const output = played(tones(1), (piece) => [1, 1.005, 1, 0.995][piece % 4]!);
  const steepest = 12_000 * 2 * Math.sin((Math.PI * 997 * 1.006) / rateHz) + 2;
  const unfinished = 2 * 16; // the end is filtered as if silence followed
  for (let n = 2; n < output.length - unfinished; n += 2)
    expect(Math.abs(output[n]! - output[n - 2]!)).toBeLessThanOrEqual(steepest);
});

test("back at ratio 1, one long piece leads back to whole samples: from then on they come out as they went in", () => {
  const input = tones(2);
  const rate = new VariableRate();
  const pieceSamples = 8192;
  const pieces = Array.from({ length: 11 }, (_, n) => {
    const piece = input.slice(2 * n * pieceSamples, 2 * (n + 1) * pieceSamples);
    return rate.push(piece, n < 4 ? 1.0007 : 1);
  });
  expect(Number.isInteger(rate.pendingSamples)).toBe(true);
  const back = 2 * 5 * pieceSamples;
  const output = Int16Array.from(pieces.slice(5).flatMap((piece) => [...piece]));
  const from = back - 2 * 16;
  expect(output).toEqual(input.slice(from, from + output.length));
});
