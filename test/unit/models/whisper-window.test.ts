import { expect, test } from "bun:test";
import { compressionRatio, windowFrames } from "../../../gpu/models/whisper/whisper.ts";

test("a short clip gets a window of 12 s, since shorter windows loop", () => {
  expect(windowFrames(0.5)).toBe(1200);
  expect(windowFrames(11)).toBe(1200);
});

test("a quick pass over a short clip has a window of 8 s, over a longer one the same as any", () => {
  expect(windowFrames(0.5, true)).toBe(800);
  expect(windowFrames(9, true)).toBe(1000);
  expect(windowFrames(15, true)).toBe(windowFrames(15));
});

test("a longer clip gets one second more than its length, an even number of frames, at most 30 s", () => {
  expect(windowFrames(15)).toBe(1600);
  expect(windowFrames(15.005)).toBe(1602);
  expect(windowFrames(29.9)).toBe(3000);
  expect(windowFrames(300)).toBe(3000);
});

test("text that repeats itself compresses far better than speech does", () => {
  const sentence = "It is of the first importance that the letter used should be fine in form.";
  expect(compressionRatio(sentence)).toBeLessThan(1.5);
  expect(compressionRatio("and then ".repeat(40))).toBeGreaterThan(5);
  expect(compressionRatio("")).toBe(1);
});
