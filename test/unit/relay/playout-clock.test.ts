import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PlayoutClock } from "../../../src/relay/playout-clock.ts";

const frameSamples = 1024;
const frameMs = frameSamples / 48;

interface Source {
  readonly seconds: number;
  /** Source clock against ours: 1.00005 runs 50 ppm fast. */
  readonly speed?: number;
  readonly jitterMs: (frame: number) => number;
  readonly onFrame?: (clock: PlayoutClock, nowMs: number, sample: number) => void;
}

/** Feeds a clock with frames that arrive late by their jitter; it is locked after two seconds. */
function listen({ seconds, speed = 1, jitterMs, onFrame }: Source): PlayoutClock {
  const clock = new PlayoutClock();
  let nowMs = 0;
  for (let frame = 1; frame * frameMs < seconds * 1000; frame++) {
    const arrivesMs = (frame * frameMs) / speed + jitterMs(frame);
    nowMs = Math.max(nowMs, arrivesMs); // TCP keeps the order
    clock.advance(nowMs);
    clock.observe(frame * frameSamples, nowMs);
    if (frame === 94) clock.lock(nowMs);
    if (frame > 94) onFrame?.(clock, nowMs, frame * frameSamples);
  }
  return clock;
}

/** The same sequence of numbers in [0, 1) each time. */
function noise(frame: number): number {
  const x = Math.sin(frame * 12.9898) * 43_758.5453;
  return x - Math.floor(x);
}

describe("the playout clock", () => {
  test("network jitter does not reach it", () => {
    let lowest = Number.POSITIVE_INFINITY;
    let highest = Number.NEGATIVE_INFINITY;
    listen({
      seconds: 120,
      jitterMs: (frame) => 300 * noise(frame) ** 8, // 10 ms on average, peaks of 300
      onFrame: (clock) => {
        lowest = Math.min(lowest, clock.arrivalMs(0));
        highest = Math.max(highest, clock.arrivalMs(0));
      },
    });
    expect(highest - lowest).toBeLessThan(10);
  });

  test("follows a source that is 50 ppm off, within a millisecond, for an hour", () => {
    for (const speed of [1.00005, 0.99995]) {
      const errors: number[] = [];
      listen({
        seconds: 3600,
        speed,
        jitterMs: () => 0,
        onFrame: (clock, nowMs, sample) => errors.push(clock.arrivalMs(sample) - nowMs),
      });
      expect(Math.max(...errors.slice(-1000).map(Math.abs))).toBeLessThan(1.5);
    }
  });

  test("a stall and its burst leave it where it was", () => {
    const clock = listen({
      seconds: 60,
      jitterMs: (frame) => (frame > 1400 && frame < 1700 ? (1700 - frame) * frameMs : 0),
    });
    expect(Math.abs(clock.arrivalMs(0))).toBeLessThan(1);
  });

  test("is set by the earliest arrival of a burst, before anything is played", () => {
    const clock = new PlayoutClock();
    for (let frame = 1; frame <= 50; frame++) clock.observe(frame * frameSamples, 2000 + frame);
    expect(clock.arrivalMs(50 * frameSamples)).toBeCloseTo(2050, 6);
    expect(clock.sampleAt(2050)).toBeCloseTo(50 * frameSamples, 6);
  });

  test("never runs more than 0.5 % off nominal speed, whatever arrives", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ afterMs: fc.nat({ max: 400 }), sample: fc.nat({ max: 1e8 }) }), {
          minLength: 3,
          maxLength: 60,
        }),
        (arrivals) => {
          const clock = new PlayoutClock();
          let nowMs = 1000;
          clock.observe(0, nowMs);
          clock.lock(nowMs);
          let offset = clock.arrivalMs(0);
          for (const { afterMs, sample } of arrivals) {
            nowMs += afterMs;
            clock.observe(sample, nowMs);
            clock.advance(nowMs);
            const moved = Math.abs(clock.arrivalMs(0) - offset);
            expect(moved).toBeLessThanOrEqual(afterMs * 0.005 + 1e-6);
            offset = clock.arrivalMs(0);
          }
        },
      ),
    );
  });
});
