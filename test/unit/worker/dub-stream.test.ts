import { expect, test } from "bun:test";
import { type DubPiece, DubStream } from "../../../src/worker/dub-stream.ts";

const answerHz = 24_000;
const toneHz = 300;
const level = 0.4;
const fragmentSeconds = 0.32;
const fragmentSamples = fragmentSeconds * 48_000;

/** The dub of the fragment with this number: a tone that never pauses, loud where the first one begins. */
const answer = (fragment: number) =>
  Float32Array.from(
    { length: fragmentSeconds * answerHz },
    (_, n) => level * Math.cos(2 * Math.PI * toneHz * (fragment * fragmentSeconds + n / answerHz)),
  );
const push = (stream: DubStream, fragment: number, samples = answer(fragment)) =>
  stream.push(fragment * fragmentSamples, (fragment + 1) * fragmentSamples, samples, answerHz);

/** The sound from sample 0 on, and silence after it. */
function soundOf(pieces: readonly DubPiece[]): Float32Array {
  const end = Math.max(...pieces.map((one) => one.startSample + one.samples.length));
  const sound = new Float32Array(end + 100);
  for (const { startSample, samples } of pieces)
    for (const [n, sample] of samples.entries()) sound[startSample + n]! += sample / 32_768;
  return sound;
}

/** How far the sound is from a tone of 300 Hz at its worst sample; a hard cut is as far as the tone is loud. */
function worstStep(sound: Float32Array): number {
  const factor = 2 * Math.cos((2 * Math.PI * toneHz) / 48_000);
  let worst = 0;
  for (let n = 0; n < sound.length; n++) {
    const [before, last] = [sound[n - 2] ?? 0, sound[n - 1] ?? 0];
    worst = Math.max(worst, Math.abs(sound[n]! - factor * last + before));
  }
  return worst;
}

test("fragments join without a seam", () => {
  const stream = new DubStream();
  const sound = soundOf([0, 1, 2, 3].flatMap((fragment) => push(stream, fragment)));
  const inside = sound.subarray(960, 3 * fragmentSamples);
  for (const [n, sample] of inside.entries())
    expect(sample).toBeCloseTo(level * Math.cos((2 * Math.PI * toneHz * (960 + n)) / 48_000), 2);
});

test("a dub that sets in within a word comes without a step", () => {
  const stream = new DubStream();
  const pieces = [...push(stream, 5), ...push(stream, 6), ...stream.breakOff()];
  const sound = soundOf(pieces);
  expect(Math.max(...sound.subarray(5.2 * fragmentSamples, 5.8 * fragmentSamples))).toBeCloseTo(
    level,
    2,
  );
  expect(worstStep(sound)).toBeLessThan(0.01);
});

test("a dub that breaks off within a word goes without a step, and not before its end", () => {
  const stream = new DubStream();
  const sound = soundOf([...push(stream, 0), ...push(stream, 1), ...stream.breakOff()]);
  const end = 2 * fragmentSamples;
  expect(Math.max(...sound.subarray(end - 1600, end - 480))).toBeCloseTo(level, 2);
  expect(Math.max(...sound.subarray(end).map(Math.abs))).toBeLessThan(0.001);
  expect(worstStep(sound)).toBeLessThan(0.01);
});

test("a fragment that was skipped ends the sound before it and begins the one after it softly", () => {
  const stream = new DubStream();
  const sound = soundOf([...push(stream, 0), ...push(stream, 2), ...stream.breakOff()]);
  expect(Math.max(...sound.subarray(1.1 * fragmentSamples, 1.9 * fragmentSamples))).toBe(0);
  expect(worstStep(sound)).toBeLessThan(0.01);
});

test("a sound that sets in after the fragment's beginning keeps its onset", () => {
  const stream = new DubStream();
  const click = new Float32Array(answer(0).length);
  click[2400] = 0.5;
  const sound = soundOf([
    ...push(stream, 0, click),
    ...push(stream, 1, new Float32Array(click.length)),
  ]);
  expect(Math.abs(sound[4800]!)).toBeGreaterThan(0.15);
});
