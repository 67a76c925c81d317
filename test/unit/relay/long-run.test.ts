import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { asBytes } from "../../../src/audio/pcm.ts";
import { flvTagType } from "../../../src/media/flv.ts";
import { blockSamples } from "../../../src/relay/block-mixer.ts";
import { BedRing } from "../../../src/relay/bed-ring.ts";
import { LanguageChannel } from "../../../src/relay/language-channel.ts";
import { PcmRing } from "../../../src/relay/pcm-ring.ts";
import { PlayoutClock } from "../../../src/relay/playout-clock.ts";
import { Playout, soundLeadMs } from "../../../src/relay/playout.ts";
import { Timeline } from "../../../src/relay/timeline.ts";
import { VideoQueue } from "../../../src/relay/video-queue.ts";

const playoutDelayMs = 4000;
const stepMs = 100;
const fragmentMs = 2000;
/** The source's clock runs this much fast, ten times what real ones do: over the run by 0.9 s. */
const sourcePpm = 500;
const legs = 3;
const legMs = 600_000;
const awayMs = 7000;

/**
 * The relay's media path without its processes, by a clock that the test turns: 25 pictures a second,
 * sound in pieces of 100 ms, a dub for every second fragment, each fifth of them too late, and after
 * each leg a publisher that is away for longer than D.
 */
function mediaPath() {
  const clock = new PlayoutClock();
  const queue = new VideoQueue(64 * 1024 * 1024);
  const original = new PcmRing(48_000 * 16);
  let applied = 0;
  const channel = new LanguageChannel({
    language: "pt",
    settings: { fallback: "repeat_last", withoutBed: "duck", bgGain: 1, dubGain: 1 },
    maxAheadSamples: 48_000 * 34,
    onApplied: () => (applied += 1),
  });
  const written = { pictures: 0, soundEnd: 0, holes: 0, backwards: 0, lastDtsMs: -1 };
  const publisher = {
    isReady: true,
    open: () => {},
    video: ({ dtsMs, info }: { dtsMs: number; info: { kind: string } }) => {
      if (info.kind !== "picture") return;
      written.pictures += 1;
      if (dtsMs <= written.lastDtsMs) written.backwards += 1;
      written.lastDtsMs = dtsMs;
    },
    sound: (startSample: number) => {
      if (written.soundEnd > 0 && startSample !== written.soundEnd) written.holes += 1;
      written.soundEnd = startSample + blockSamples;
    },
    check: () => {},
  };
  const playout = new Playout({
    bed: new BedRing(48_000),
    clock,
    queue,
    original,
    outputs: [{ channel, publisher }],
    playoutDelayMs,
  });
  const timeline = new Timeline(clock, {
    video: (packet) => queue.push(packet),
    sound: (startSample, samples) => void original.write(startSample, samples),
    spanPlaced: () => {},
  });
  return { queue, channel, playout, timeline, written, original, applied: () => applied };
}

test("hours of stream time, in small: no queue grows, no sample is lost, the delay stays", () => {
  const path = mediaPath();
  const { queue, channel, playout, timeline, written, original } = path;
  const sound = new Int16Array(stepMs * 48 * 2).fill(500);
  const spoken = asBytes(new Int16Array(48_000).fill(900));
  let nowMs = 1000;
  let settledUntil = 0;
  let fragment = 0;
  const settle = () => {
    for (
      const fragmentSamples = fragmentMs * 48;
      settledUntil + fragmentSamples < original.endSample;
    ) {
      const startSample = settledUntil;
      settledUntil += fragmentSamples;
      fragment += 1;
      const kind = fragment % 2 === 0 ? "dub" : "original";
      const at = fragment % 5 === 0 ? Math.max(0, startSample - 48_000 * 8) : startSample + 4800;
      if (kind === "dub")
        channel.receive({ type: "audio", language: "pt", startSample: at, pcm: spoken });
      channel.receive({
        type: "region",
        language: "pt",
        startSample,
        endSample: settledUntil,
        kind,
        fragmentId: `f${fragment}`,
      });
    }
  };
  const leg = () => {
    timeline.openSpan();
    for (let sentMs = 0; sentMs < legMs; sentMs += stepMs) {
      nowMs += stepMs * (1 - sourcePpm / 1e6);
      for (let ms = sentMs; ms < sentMs + stepMs; ms += 40) {
        const data = new Uint8Array([ms % 2000 === 0 ? 0x17 : 0x27, 1, 0, 0, 0, 1, 2, 3]);
        timeline.video({ type: flvTagType.video, timestampMs: ms, data }, nowMs);
      }
      expect(timeline.sound(sentMs * 48, sound, nowMs)).toBe(true);
      settle();
      playout.tick(nowMs);
    }
    const behindMs = (original.endSample - written.soundEnd) / 48;
    for (const backMs = nowMs + awayMs; nowMs < backMs; nowMs += stepMs) playout.tick(nowMs);
    Bun.gc(true);
    const { objectCount, heapSize } = heapStats();
    return { objectCount, heapSize, behindMs, pictures: written.pictures, sound: written.soundEnd };
  };
  const first = leg();
  leg();
  const last = leg();
  expect(last.objectCount - first.objectCount).toBeLessThan(500);
  expect(last.heapSize - first.heapSize).toBeLessThan(1024 * 1024);
  expect(queue.length).toBeLessThan(10);
  expect(written).toMatchObject({ holes: 0, backwards: 0 });
  expect(last.pictures / first.pictures).toBeCloseTo(legs, 1);
  expect(last.sound / first.sound).toBeCloseTo(legs, 1);
  // What is mixed lies D (less the lead of the sound) behind what arrives, first and last.
  expect(Math.abs(first.behindMs - (playoutDelayMs - soundLeadMs))).toBeLessThan(50);
  expect(Math.abs(last.behindMs - first.behindMs)).toBeLessThan(30);
  expect(playout.counters.fillerPackets).toBeGreaterThan(0);
  expect(channel.settlements.counters.lateRegions).toBeGreaterThan(0);
  expect(path.applied()).toBeGreaterThan(fragment * 0.95);
}, 60_000);
