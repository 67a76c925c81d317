import { expect, test } from "bun:test";
import { flvTagType } from "../../../src/media/flv.ts";
import { BedRing } from "../../../src/relay/bed-ring.ts";
import { LanguageChannel } from "../../../src/relay/language-channel.ts";
import { PcmRing } from "../../../src/relay/pcm-ring.ts";
import { PlayoutClock } from "../../../src/relay/playout-clock.ts";
import { Playout } from "../../../src/relay/playout.ts";
import { Timeline } from "../../../src/relay/timeline.ts";
import { VideoQueue } from "../../../src/relay/video-queue.ts";

const playoutDelayMs = 4000;
const tickMs = 20;
const minutes = 10;

/** A source by the test's clock: `ppm` fast, at a picture rate, delivered up to `jitterMs` late. */
function play(options: { ppm: number; framesPerSecond: number; jitterMs: number }) {
  const { ppm, framesPerSecond, jitterMs } = options;
  const clock = new PlayoutClock();
  const queue = new VideoQueue(64 * 1024 * 1024);
  const original = new PcmRing(48_000 * 16);
  const channel = new LanguageChannel({
    language: "pt",
    settings: { fallback: "original", withoutBed: "duck", bgGain: 1, dubGain: 1 },
    maxAheadSamples: 48_000 * 34,
    onApplied: () => {},
  });
  let nowMs = 1000;
  const wallOf = (streamMs: number) => 1000 + streamMs / (1 + ppm / 1e6);
  const delays: number[] = [];
  const publisher = {
    isReady: true,
    open: () => {},
    video: ({ dtsMs, info }: { dtsMs: number; info: { kind: string } }) => {
      if (info.kind === "picture") delays.push(nowMs - wallOf(dtsMs));
    },
    sound: () => {},
    check: () => {},
  };
  const outputs = [{ channel, publisher }];
  const playout = new Playout({
    ...{ bed: new BedRing(48_000), clock, queue, original, outputs, playoutDelayMs },
  });
  const timeline = new Timeline(clock, {
    video: (packet) => queue.push(packet),
    sound: (startSample, samples) => void original.write(startSample, samples),
    spanPlaced: () => {},
  });
  timeline.openSpan();
  const sound = new Int16Array(tickMs * 48 * 2);
  const avDeltas: number[] = [];
  let random = 1;
  let arrivedMs = 0;
  let heldUntilMs = 0;
  let picture = 0;
  for (let sentMs = tickMs; wallOf(sentMs) < 1000 + minutes * 60_000; sentMs += tickMs) {
    nowMs = wallOf(sentMs);
    random = (random * 48_271) % 0x7fffffff;
    // Now and then the network holds everything back for a while; then it comes at once.
    if (nowMs > heldUntilMs + 1500) heldUntilMs = nowMs + jitterMs * (random / 0x7fffffff);
    const deliveredMs = nowMs >= heldUntilMs ? sentMs : arrivedMs;
    for (; arrivedMs < deliveredMs; arrivedMs += tickMs) {
      for (; (picture * 1000) / framesPerSecond < arrivedMs + tickMs; picture += 1) {
        const data = new Uint8Array([picture % 50 === 0 ? 0x17 : 0x27, 1, 0, 0, 0, 1]);
        const timestampMs = Math.round((picture * 1000) / framesPerSecond);
        timeline.video({ type: flvTagType.video, timestampMs, data }, nowMs);
      }
      expect(timeline.sound(arrivedMs * 48, sound, nowMs)).toBe(true);
    }
    playout.tick(nowMs);
    if (playout.avDeltaMs !== null) avDeltas.push(playout.avDeltaMs);
  }
  return { delays, avDeltas, picture, counters: playout.counters };
}

for (const ppm of [-1000, 1000]) {
  for (const framesPerSecond of [25, 30_000 / 1001, 30, 50, 60_000 / 1001]) {
    test(`a source ${ppm} ppm off at ${framesPerSecond.toFixed(2)} pictures a second, 500 ms of jitter: the delay stays`, () => {
      const { delays, avDeltas, picture, counters } = play({ ppm, framesPerSecond, jitterMs: 500 });
      expect(counters).toMatchObject({ latePackets: 0, fillerPackets: 0, blocksFiller: 0 });
      const inLine = (playoutDelayMs / 1000) * framesPerSecond;
      expect(delays.length).toBeGreaterThan(picture - inLine - framesPerSecond);
      // A tick is 20 ms; a loop of 10 s lies up to 10 ms behind (or before) a drift of 1000 ppm.
      const settled = delays.slice(60 * framesPerSecond);
      expect(Math.min(...settled)).toBeGreaterThan(playoutDelayMs - 40);
      expect(Math.max(...settled)).toBeLessThan(playoutDelayMs + 60);
      expect(Math.min(...avDeltas)).toBeGreaterThan(-60);
      expect(Math.max(...avDeltas)).toBeLessThan(40);
    });
  }
}
