import { describe, expect, test } from "bun:test";
import { FlvParser, flvHeader, flvTagBytes, flvTagType } from "../../../src/media/flv.ts";
import { pullStampOffsetMs } from "../../../src/media/live-commands.ts";
import { PlayoutClock } from "../../../src/relay/playout-clock.ts";
import { Timeline } from "../../../src/relay/timeline.ts";
import type { VideoPacket } from "../../../src/relay/video-queue.ts";

const chunk = 960;

/** A timeline with what came out of it; `pull` feeds 20 ms of sound and a picture each, as they arrive. */
function timeline() {
  const clock = new PlayoutClock();
  const pictures: VideoPacket[] = [];
  const sound: { startSample: number; count: number }[] = [];
  const spans: number[] = [];
  const made = new Timeline(clock, {
    video: (packet) => pictures.push(packet),
    sound: (startSample, samples) => sound.push({ startSample, count: samples.length / 2 }),
    spanPlaced: (sample) => spans.push(sample),
  });
  const picture = (timestampMs: number, key: boolean) => ({
    type: flvTagType.video,
    timestampMs,
    data: new Uint8Array([key ? 0x17 : 0x27, 1, 0, 0, 40, 1]),
  });
  const header = {
    type: flvTagType.video,
    timestampMs: -10_000,
    data: new Uint8Array([0x17, 0, 0, 0, 0]),
  };
  const pull = (fromMs: number, chunks: number, zeroMs = 0) => {
    made.openSpan();
    made.video(header, fromMs);
    for (let n = 0; n < chunks; n++) {
      const nowMs = fromMs + (n + 1) * 20;
      made.video(picture(zeroMs + n * 20, n % 50 === 0), nowMs);
      made.sound(zeroMs * 48 + n * chunk, new Int16Array(chunk * 2), nowMs);
    }
  };
  return { made, clock, pictures, sound, spans, picture, pull };
}

describe("the timeline", () => {
  test("begins with the first sample at 0; a configuration takes the time of its picture", () => {
    const { pictures, sound, pull } = timeline();
    pull(1000, 3);
    expect(sound).toEqual([0, 960, 1920].map((startSample) => ({ startSample, count: chunk })));
    expect(pictures.map(({ info, dtsMs }) => [info.kind, dtsMs])).toEqual([
      ["sequence-header", 0],
      ["picture", 0],
      ["picture", 20],
      ["picture", 40],
    ]);
  });

  test("a publisher that returns is placed at its distance by the clock, on whole milliseconds", () => {
    const { pictures, sound, spans, pull } = timeline();
    pull(1000, 100);
    pull(10_000, 100);
    expect(spans).toEqual([9000 * 48]);
    expect(sound.length).toBe(200);
    expect(sound[100]).toEqual({ startSample: 9000 * 48, count: chunk });
    expect(pictures.at(-1)?.dtsMs).toBe(9000 + 99 * 20);
    const stamps = pictures.map(({ dtsMs }) => dtsMs);
    expect(stamps).toEqual(stamps.toSorted((a, b) => a - b));
  });

  test("one that takes over at once never lands on what is already there", () => {
    const { pictures, sound, pull } = timeline();
    pull(1000, 100);
    pull(1500, 100); // as if the new one had been sending for a while
    expect(sound[100]!.startSample).toBeGreaterThanOrEqual(100 * chunk);
    const lastBefore = Math.max(...pictures.slice(0, 101).map(({ dtsMs }) => dtsMs + 40));
    expect(pictures[102]!.dtsMs).toBeGreaterThanOrEqual(lastBefore + 40);
  });

  test("the same source placed anew keeps its own count and moves to now", () => {
    const { made, sound, spans, pull } = timeline();
    pull(1000, 100);
    made.openSpan();
    for (let n = 100; n < 200; n++) {
      made.sound(n * chunk, new Int16Array(chunk * 2), 8000 + (n + 1) * 20);
    }
    // Sound that should have arrived at 1000 + 2020 ms came at 8000 + 2020 ms.
    expect(spans).toEqual([7000 * 48]);
    expect(sound[100]!.startSample).toBe(7000 * 48 + 100 * chunk);
  });

  test("stamps that leap far ahead are refused", () => {
    const { made, pull } = timeline();
    pull(1000, 100);
    expect(made.sound(100 * chunk, new Int16Array(chunk * 2), 3020)).toBe(true);
    expect(made.sound(3600 * 48_000, new Int16Array(chunk * 2), 3040)).toBe(false);
  });

  test("one broken stamp costs its picture, not the pictures and spans after it", () => {
    const { made, pictures, spans, picture, pull } = timeline();
    pull(1000, 100);
    made.video(picture(3_600_000, true), 3020);
    made.video(picture(2000, false), 3020);
    expect(pictures.at(-1)?.dtsMs).toBe(2000);
    expect(made.refusedPictures).toBe(1);
    pull(10_000, 100); // the publisher comes back
    expect(spans).toEqual([9000 * 48]);
  });

  test("a pull of 49.7 days, whose FLV stamps wrap at 32 bits, goes on without a mark", () => {
    const { made, pictures, sound, spans, picture } = timeline();
    const parser = new FlvParser();
    parser.push(flvHeader({ video: true, audio: false }));
    const count = 200;
    // 2 s before the wrap.
    const zeroMs = 2 ** 32 - pullStampOffsetMs - 2000;
    made.openSpan();
    for (let n = 0; n < count; n++) {
      const stampMs = zeroMs + n * 20;
      const { data } = picture(stampMs, n % 50 === 0);
      const bytes = flvTagBytes(flvTagType.video, stampMs + pullStampOffsetMs, data);
      const nowMs = 1000 + (n + 1) * 20;
      for (const tag of parser.push(bytes))
        made.video({ ...tag, timestampMs: tag.timestampMs - pullStampOffsetMs }, nowMs);
      expect(made.sound(stampMs * 48, new Int16Array(chunk * 2), nowMs)).toBe(true);
    }
    expect(pictures.map(({ dtsMs }) => dtsMs)).toEqual(
      Array.from({ length: count }, (_, n) => zeroMs + n * 20),
    );
    expect(sound.map(({ startSample }) => startSample / 48)).toEqual(
      pictures.map(({ dtsMs }) => dtsMs),
    );
    expect([made.spans, spans.length, made.refusedPictures]).toEqual([1, 0, 0]);
  });

  test("a composition offset that cannot be is taken out, and moves nothing after it", () => {
    const { made, pictures, spans, pull } = timeline();
    pull(1000, 100);
    const data = new Uint8Array([0x27, 1, 0x7f, 0xff, 0xff, 1]); // shown 8388 s after it is decoded
    made.video({ type: flvTagType.video, timestampMs: 2000, data }, 3020);
    expect(pictures.at(-1)?.info.compositionOffsetMs).toBe(0);
    expect([...pictures.at(-1)!.data]).toEqual([0x27, 1, 0, 0, 0, 1]);
    pull(10_000, 100);
    expect(spans).toEqual([9000 * 48]);
  });
});
