import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PcmRing } from "../../../src/relay/pcm-ring.ts";
import { StarvationFade } from "../../../src/relay/starvation-fade.ts";
import { VideoQueue, type VideoPacket } from "../../../src/relay/video-queue.ts";

/** Each sample pair tells where it belongs. */
function numbered(startSample: number, count: number): Int16Array {
  const samples = new Int16Array(count * 2);
  for (let n = 0; n < count; n++) {
    samples[2 * n] = (startSample + n) % 30_000;
    samples[2 * n + 1] = -samples[2 * n]!;
  }
  return samples;
}

describe("the PCM ring", () => {
  test("gives back what was written, wherever the pieces are cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 20 }),
        fc.nat({ max: 900 }),
        (sizes, back) => {
          const ring = new PcmRing(1000);
          let end = 0;
          for (const size of sizes) {
            ring.write(end, numbered(end, size));
            end += size;
          }
          const count = Math.min(back, 1000, end);
          const { samples, present } = ring.read(end - count, count);
          expect(present).toBe(count);
          expect(samples).toEqual(numbered(end - count, count));
        },
      ),
    );
  });

  test("a hole reads as silence and is told apart from it", () => {
    const ring = new PcmRing(10_000);
    ring.write(0, numbered(0, 1000));
    ring.write(3000, numbered(3000, 500));
    const { samples, present } = ring.read(900, 2200);
    expect(present).toBe(200);
    expect(samples.subarray(200, 4200).every((sample) => sample === 0)).toBe(true);
    expect(samples.subarray(4200)).toEqual(numbered(3000, 100));
    expect(ring.read(5000, 100).present).toBe(0);
  });

  test("what was already written is not written again", () => {
    const ring = new PcmRing(10_000);
    ring.write(0, numbered(0, 1000));
    expect(ring.write(500, new Int16Array(600 * 2))).toBe(100);
    expect(ring.read(500, 500).samples).toEqual(numbered(500, 500));
    expect(ring.write(0, new Int16Array(20))).toBe(0);
  });

  test("a hole longer than the ring is silence all through", () => {
    const ring = new PcmRing(1000);
    ring.write(0, numbered(0, 1000));
    ring.write(100_000, numbered(100_000, 10));
    const { samples, present } = ring.read(99_500, 510);
    expect(present).toBe(10);
    expect(samples.subarray(0, 1000).every((sample) => sample === 0)).toBe(true);
  });

  test("sound that breaks off and sets in is faded at its edge", () => {
    const ring = new PcmRing(10_000);
    const loud = () => new Int16Array(4000).fill(20_000);
    ring.write(0, loud());
    ring.fadeOutEnd();
    ring.write(5000, loud(), "begin");
    const { samples } = ring.read(0, 7000);
    let step = 0;
    for (let n = 2; n < samples.length; n++) {
      step = Math.max(step, Math.abs(samples[n]! - samples[n - 2]!));
    }
    expect(step).toBeLessThan(100);
    expect(samples[2000]).toBe(20_000);
  });
});

test("a delay line that runs dry unannounced, and fills again, is not heard as a click", () => {
  const ring = new PcmRing(100_000);
  const fade = new StarvationFade();
  const heard: number[] = [];
  ring.write(0, new Int16Array(2 * 5300).fill(20_000));
  for (let start = 0; start < 20 * 960; start += 960) {
    if (start === 10 * 960) ring.write(start, new Int16Array(2 * 50_000).fill(20_000));
    const { samples } = ring.read(start, 960);
    fade.apply(start, samples, ring.endSample);
    heard.push(...samples.filter((_, n) => n % 2 === 0));
  }
  const step = heard.slice(1).reduce((most, s, n) => Math.max(most, Math.abs(s - heard[n]!)), 0);
  expect(step).toBeLessThan(100);
  expect([heard[4000], heard[6000], heard[11_000]]).toEqual([20_000, 0, 20_000]);
});

describe("the video queue", () => {
  const packet = (dtsMs: number, isKeyframe: boolean, bytes = 100): VideoPacket => ({
    dtsMs,
    info: { codec: "avc1", kind: "picture", isKeyframe, compositionOffsetMs: 0 },
    data: new Uint8Array(bytes),
  });

  test("gives packets in order, when they are due", () => {
    const queue = new VideoQueue(1e6);
    for (let n = 0; n < 2000; n++) queue.push(packet(n * 40, n % 50 === 0));
    const taken: number[] = [];
    for (let due = queue.takeUntil(39_999); due; due = queue.takeUntil(39_999))
      taken.push(due.dtsMs);
    expect(taken).toEqual(Array.from({ length: 1000 }, (_, n) => n * 40));
    expect(queue.length).toBe(1000);
    expect(queue.firstKeyframeMs()).toBe(40_000);
  });

  test("when full, refuses whole groups of pictures and counts them", () => {
    const queue = new VideoQueue(1000);
    for (let n = 0; n < 10; n++) queue.push(packet(n, n === 0));
    queue.push(packet(10, false));
    queue.takeUntil(0);
    queue.push(packet(11, false));
    expect(queue.refused).toBe(2);
    queue.push(packet(12, true));
    expect(queue.refused).toBe(2);
    expect(queue.length).toBe(10);
  });
});
