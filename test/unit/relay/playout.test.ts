import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BedRing } from "../../../src/relay/bed-ring.ts";
import { LanguageChannel } from "../../../src/relay/language-channel.ts";
import { PcmRing } from "../../../src/relay/pcm-ring.ts";
import { PlayoutClock } from "../../../src/relay/playout-clock.ts";
import { Playout, type PushTarget, soundLeadMs } from "../../../src/relay/playout.ts";
import { VideoQueue, type VideoPacket } from "../../../src/relay/video-queue.ts";

const usualDelayMs = 2000;
const stepMs = 20;

/** A playout whose source sends 20 ms of sound and a picture each 40 ms, and whose ticks the test chooses. */
function playout(playoutDelayMs = usualDelayMs, joint?: PushTarget, compositionOffsetMs = 0) {
  const clock = new PlayoutClock();
  const queue = new VideoQueue(1e9);
  const original = new PcmRing(48_000 * 20);
  const channel = new LanguageChannel({
    language: "pt",
    settings: { fallback: "original", withoutBed: "duck", bgGain: 1, dubGain: 1 },
    maxAheadSamples: 1e6,
    onApplied: () => {},
  });
  const written = { pictures: [] as VideoPacket[], sound: [] as number[], opened: 0 };
  const publisher = {
    isReady: true,
    open: () => (written.opened += 1),
    video: (packet: VideoPacket) => void written.pictures.push(packet),
    sound: (startSample: number) => void written.sound.push(startSample),
    check: () => {},
  };
  const made = new Playout({
    bed: new BedRing(48_000),
    clock,
    queue,
    original,
    outputs: [{ channel, publisher }],
    joint,
    playoutDelayMs,
  });
  let arrived = 0;
  /** Everything that arrives up to a moment; stream time 0 begins at moment 0. */
  const arriveUntil = (nowMs: number, from = arrived) => {
    for (arrived = from; arrived + stepMs <= nowMs; arrived += stepMs) {
      const sample = arrived * 48;
      if (arrived % 40 === 0) {
        const info = {
          codec: "avc1",
          kind: "picture",
          isKeyframe: arrived % 1000 === 0,
          compositionOffsetMs,
        } as const;
        queue.push({ dtsMs: arrived, info, data: new Uint8Array([0x17, 1, 0, 0, 0]) });
      }
      original.write(sample, new Int16Array(960 * 2).fill(1000));
      clock.observe(sample + 960, arrived + stepMs);
    }
  };
  return { made, written, arriveUntil };
}

describe("playout", () => {
  test("gives an output of all languages the same pictures, and the sound of each; nothing waits for it", () => {
    const joined = { pictures: [] as VideoPacket[], sound: [] as number[], opened: 0 };
    const { made, written, arriveUntil } = playout(usualDelayMs, {
      isReady: false,
      open: () => (joined.opened += 1),
      video: (packet) => void joined.pictures.push(packet),
      sound: (startSample, ...tracks) => {
        expect(tracks.map((pcm) => pcm.length)).toEqual([960 * 2]);
        joined.sound.push(startSample);
      },
      check: () => {},
    });
    for (let nowMs = 0; nowMs < 6000; nowMs += 20) {
      arriveUntil(nowMs);
      made.tick(nowMs);
    }
    expect(written.pictures.length).toBeGreaterThan(50);
    expect(joined).toEqual(written);
  });

  test("writes what is due by the clock, however the ticks fall", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 5, maxLength: 60 }),
        (gaps) => {
          const { made, written, arriveUntil } = playout();
          let nowMs = 0;
          for (const gap of gaps) {
            nowMs += gap;
            arriveUntil(nowMs);
            made.tick(nowMs);
          }
          const dueMs = nowMs - usualDelayMs;
          const pictures = written.pictures.map(({ dtsMs }) => dtsMs);
          if (dueMs < 0) return expect(pictures).toEqual([]);
          expect(pictures).toEqual(
            Array.from({ length: Math.floor(dueMs / 40) + 1 }, (_, n) => n * 40),
          );
          expect(written.sound).toEqual(written.sound.map((_, n) => n * 960));
          const soundEndMs = written.sound.length * 20;
          expect(soundEndMs).toBeLessThanOrEqual(dueMs + soundLeadMs);
          expect(soundEndMs).toBeGreaterThan(dueMs + soundLeadMs - 20);
          expect(made.counters.fillerPackets).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("repeats the last keyframe while nothing comes, and goes on with the next keyframe", () => {
    const { made, written, arriveUntil } = playout();
    const run = (fromMs: number, toMs: number, isSending: boolean) => {
      for (let nowMs = fromMs; nowMs < toMs; nowMs += 20) {
        if (isSending) arriveUntil(nowMs);
        made.tick(nowMs);
      }
    };
    run(0, 4500, true);
    run(4500, 10_000, false);
    expect(made.playing).toBe("filler");
    const filler = written.pictures.filter(({ dtsMs }) => dtsMs > 4500).map(({ dtsMs }) => dtsMs);
    expect(filler.length).toBeGreaterThan(20);
    for (const [n, dtsMs] of filler.slice(1).entries()) {
      expect(dtsMs - filler[n]!).toBeLessThanOrEqual(120);
    }
    arriveUntil(10_020, 9840); // mid-GOP: the first pictures cannot be decoded
    run(10_020, 13_500, true);
    const after = written.pictures.filter(({ dtsMs }) => dtsMs >= 9840 && dtsMs % 40 === 0);
    expect(after.find(({ dtsMs }) => dtsMs >= 10_000)?.info.isKeyframe).toBe(true);
    const stamps = written.pictures.map(({ dtsMs }) => dtsMs);
    expect(stamps).toEqual([...new Set(stamps)].toSorted((a, b) => a - b));
    expect(made.playing).toBe("fallback");
    expect(made.counters.latePackets).toBe(4);
  });

  test("shows a filler clearly after the last picture, which is shown later than it is decoded", () => {
    const { made, written, arriveUntil } = playout(usualDelayMs, undefined, 200);
    for (let nowMs = 0; nowMs < 10_000; nowMs += 20) {
      if (nowMs < 4500) arriveUntil(nowMs);
      made.tick(nowMs);
    }
    expect(made.counters.fillerPackets).toBeGreaterThan(20);
    const shownMs = written.pictures.map(({ dtsMs, info }) => dtsMs + info.compositionOffsetMs);
    const steps = shownMs.slice(1).map((ms, n) => ms - shownMs[n]!);
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(20);
  });

  test("opens the push before its first picture is due", () => {
    const { made, written, arriveUntil } = playout(4000);
    for (let nowMs = 0; nowMs < 3500; nowMs += 20) {
      arriveUntil(nowMs);
      made.tick(nowMs);
      if (nowMs < 2000) expect(written.opened).toBe(0);
    }
    expect(written.opened).toBeGreaterThan(0);
    expect(written.pictures).toEqual([]);
  });
});
