import { expect, test } from "bun:test";
import { flvTagType } from "../../../src/media/flv.ts";
import { ClockedRelay, playoutDelayMs } from "../../media/clocked-relay.ts";

const tickMs = 20;
const minutes = 10;

/** A source by the test's clock: `ppm` fast, at a picture rate, delivered up to `jitterMs` late. */
function play(options: { ppm: number; framesPerSecond: number; jitterMs: number }) {
  const { ppm, framesPerSecond, jitterMs } = options;
  let nowMs = 1000;
  const wallOf = (streamMs: number) => 1000 + streamMs / (1 + ppm / 1e6);
  const delays: number[] = [];
  const relay = new ClockedRelay({
    video: ({ dtsMs }) => void delays.push(nowMs - wallOf(dtsMs)),
    sound: () => {},
  });
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
        relay.video({ type: flvTagType.video, timestampMs, data }, nowMs);
      }
      relay.sound(arrivedMs * 48, sound, nowMs);
    }
    relay.tick(nowMs);
    if (relay.avDeltaMs !== null) avDeltas.push(relay.avDeltaMs);
  }
  return { delays, avDeltas, picture, counters: relay.counters };
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
