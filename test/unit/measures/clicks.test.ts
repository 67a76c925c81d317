import { expect, test } from "bun:test";
import { findClicks, lowPassed } from "../../media/clicks.ts";

const seconds = 2;
const at = 48_000;

/** Noise without anything high, stereo, about −20 dBFS. */
async function rumble(): Promise<Int16Array> {
  let state = 99;
  const noise = Float32Array.from({ length: seconds * 96_000 }, () => {
    state = (state * 48_271) % 0x7fffffff;
    return 12_000 * (state / 0x3fffffff - 1);
  });
  return Int16Array.from(await lowPassed(noise, { rateHz: 48_000, channels: 2 }));
}

/** From the middle on the sound is as loud as `gain` makes it, after a way of so many samples. */
function switched(sound: Int16Array, gain: number, waySamples: number): Int16Array {
  return sound.map((sample, n) => {
    const way = Math.min(1, Math.max(0, ((n >> 1) - at) / waySamples));
    return sample * (1 + (gain - 1) * (0.5 - 0.5 * Math.cos(Math.PI * way)));
  });
}

test("a low sound has no clicks, nor has one that fades within 10 ms", async () => {
  const sound = (await rumble()).subarray(9600, 9600 + 96_000 * 1.7);
  expect(await inside(sound)).toEqual([]);
  expect(await inside(switched(await rumble(), 0, 480))).toEqual([]);
});

test("a sound that is cut off has one, where it is cut", async () => {
  const clicks = await inside(switched(await rumble(), 0, 1));
  expect(clicks).toHaveLength(1);
  expect(Math.abs(clicks[0]! - at)).toBeLessThan(48);
});

/** Those that are not where the sound itself begins and ends. */
async function inside(sound: Int16Array): Promise<number[]> {
  const last = sound.length / 2 - 4800;
  return (await findClicks(sound)).filter((one) => one > 4800 && one < last);
}
