import { expect, test } from "bun:test";
import { loudnessOf } from "../../../gpu/models/whisper/loudness.ts";

const stretch = 320;

/** Stretches of noise, each of its own amplitude; the same at every run. */
function noise(amplitudes: readonly number[]): Float32Array {
  let state = 7;
  return Float32Array.from({ length: amplitudes.length * stretch }, (_, i) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return amplitudes[Math.floor(i / stretch)]! * (state / 2 ** 31 - 1);
  });
}

const repeat = (amplitude: number, times: number) => Array.from({ length: times }, () => amplitude);

test("speech over a bed 15 dB below it stands out, and the bed counts as pause", () => {
  const loudness = loudnessOf(
    noise([...repeat(0.02, 20), ...repeat(0.11, 40), ...repeat(0.02, 20)]),
    stretch,
  );
  expect([...loudness.subarray(0, 20)].every((value) => value < 0)).toBe(true);
  expect([...loudness.subarray(20, 60)].every((value) => value > 0)).toBe(true);
  expect([...loudness.subarray(60)].every((value) => value < 0)).toBe(true);
});

test("digital silence in the window does not make the bed count as speech", () => {
  const loudness = loudnessOf(
    noise([...repeat(0, 30), ...repeat(0.002, 20), ...repeat(0.2, 40)]),
    stretch,
  );
  expect([...loudness.subarray(0, 50)].every((value) => value === -1)).toBe(true);
  expect([...loudness.subarray(50)].every((value) => value > 0)).toBe(true);
});

test("a shorter last stretch counts by its own length, and nothing gives nothing", () => {
  const samples = noise(repeat(0.1, 10)).subarray(0, 9 * stretch + 50);
  const loudness = loudnessOf(samples, stretch);
  expect(loudness).toHaveLength(10);
  expect(loudness.every((value) => value >= -1 && value <= 1)).toBe(true);
  expect(loudnessOf(new Float32Array(0), stretch)).toHaveLength(0);
});
