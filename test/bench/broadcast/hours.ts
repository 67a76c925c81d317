import { flvTagType } from "../../../src/media/flv.ts";
import { BeepFinder } from "../../media/flash-beep.ts";
import { fitSlope, percentile } from "../figures.ts";
import { ClockedRelay } from "../../media/clocked-relay.ts";

const framesPerSecond = 30_000 / 1001;
const keyEvery = 60;
/** As the pull gives sound, and as the relay looks at its clock. */
const soundPieceMs = 100;
const tickMs = 40;
/** The source's clock is this much fast, as far as real ones are. */
const ppm = 50;
const mostJitterMs = 500;
const beepEveryMs = 1000;
const startMs = 1000;

export interface HoursFigures {
  readonly pairs: number;
  /** Beep against flash at `out`, less what they are apart in the source, ms by the stamps that viewers get. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly p1Ms: number;
  /** ms an hour, and its standard error. */
  readonly slope: number;
  readonly slopeError: number;
  readonly lateOrFiller: number;
  /** How much longer pictures take to `out` in the last part of the run than in the first, ms. */
  readonly delayGrowthMs: number;
  /** How much it would grow (or shrink) if the source's clock were not followed. */
  readonly driftMs: number;
}

/** Hours of a source with flash and beep at each second, jitter of up to 500 ms, by a clock that is turned. */
export function hoursFigures(hours: number): HoursFigures {
  const flashes: number[] = [];
  const delays: number[] = [];
  let nowMs = 0;
  const beeps = new BeepFinder();
  const relay = new ClockedRelay({
    video: ({ dtsMs, data }) => {
      if (data[flashByte] !== 1) return;
      flashes.push(dtsMs);
      delays.push(nowMs - wallOf(dtsMs));
    },
    sound: (startSample, pcm) => beeps.hear(startSample, pcm),
  });
  const sourceFlashes = play(relay, hours * 3_600_000, (at) => (nowMs = at));
  const heard = beeps.seconds.map((second) => second * 1000);
  const points = flashes.flatMap((flash): [number, number][] => {
    const source = sourceFlashes.get(Math.round(flash / beepEveryMs));
    const beep = heard[nearest(heard, flash)];
    if (source === undefined || beep === undefined) return [];
    return [
      [flash / 3_600_000, beep - flash - (Math.round(flash / beepEveryMs) * beepEveryMs - source)],
    ];
  });
  const deltas = points.map(([, delta]) => delta);
  const { slope, error } = fitSlope(points);
  const part = Math.floor(delays.length / 5);
  const { latePackets, fillerPackets, blocksFiller } = relay.counters;
  return {
    pairs: points.length,
    medianMs: percentile(deltas, 0.5),
    p99Ms: percentile(deltas, 0.99),
    p1Ms: percentile(deltas, 0.01),
    slope,
    slopeError: error,
    delayGrowthMs: percentile(delays.slice(-part), 0.5) - percentile(delays.slice(0, part), 0.5),
    driftMs: hours * 3600 * (ppm / 1000),
    lateOrFiller: latePackets + fillerPackets + blocksFiller,
  };
}

/** A picture that shows the flash says so in this byte. */
const flashByte = 6;

/** When the source sends what has this stream time. */
const wallOf = (streamMs: number) => startMs + streamMs / (1 + ppm / 1e6);

/** @returns when each flash is in the source (ms by its stamps), by its number */
function play(
  relay: ClockedRelay,
  lengthMs: number,
  turn: (nowMs: number) => void,
): Map<number, number> {
  const second = secondOfSound();
  const flashes = new Map<number, number>();
  const jitter = randomHolds();
  let picture = 0;
  let arrivedMs = 0;
  for (let sentMs = tickMs; sentMs < lengthMs; sentMs += tickMs) {
    const nowMs = wallOf(sentMs);
    turn(nowMs);
    if (!jitter.holds(nowMs))
      for (; arrivedMs + soundPieceMs <= sentMs; arrivedMs += soundPieceMs) {
        const untilMs = arrivedMs + soundPieceMs;
        for (; (picture * 1000) / framesPerSecond < untilMs; picture += 1) {
          const timestampMs = Math.round((picture * 1000) / framesPerSecond);
          const flash = Math.floor(timestampMs / beepEveryMs);
          const isFlash = flash > 0 && !flashes.has(flash);
          if (isFlash) flashes.set(flash, timestampMs);
          const kind = picture % keyEvery === 0 ? 0x17 : 0x27;
          const data = new Uint8Array([kind, 1, 0, 0, 0, picture & 0xff, isFlash ? 1 : 0]);
          relay.video({ type: flvTagType.video, timestampMs, data }, nowMs);
        }
        const from = (arrivedMs % 1000) * 96;
        relay.sound(arrivedMs * 48, second.slice(from, from + soundPieceMs * 96), nowMs);
      }
    relay.tick(nowMs);
  }
  return flashes;
}

/** Now and then the network holds everything back for a while; then it comes at once. */
function randomHolds() {
  let random = 1;
  let untilMs = 0;
  return {
    holds: (nowMs: number): boolean => {
      random = (random * 48_271) % 0x7fffffff;
      if (nowMs > untilMs + 1500) untilMs = nowMs + mostJitterMs * (random / 0x7fffffff);
      return nowMs < untilMs;
    },
  };
}

/** A beep of 50 ms on the left channel, then nothing. */
function secondOfSound(): Int16Array {
  const sound = new Int16Array(96_000);
  for (let n = 0; n < 2400; n++)
    sound[2 * n] = 0.8 * 32_768 * Math.cos((2 * Math.PI * 1000 * n) / 48_000);
  return sound;
}

/** Where in ascending values the nearest one stands. */
function nearest(values: readonly number[], wanted: number): number {
  let [low, high] = [0, values.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! < wanted) low = middle;
    else high = middle;
  }
  return Math.abs(values[low]! - wanted) <= Math.abs(values[high]! - wanted) ? low : high;
}
