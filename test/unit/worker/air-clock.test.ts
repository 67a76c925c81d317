import { expect, test } from "bun:test";
import { AirClock } from "../../../src/worker/air-clock.ts";
import { HandClock } from "../sts/hand-clock.ts";

test("a block that came late does not make its samples air later", async () => {
  using clock = new HandClock();
  const air = new AirClock(clock);
  air.observe({ startSample: 0, airsInMs: 6000 });
  expect(air.airsAtMs(48_000)).toBe(7000);
  await clock.advance(400); // 20 ms of sound, held up for 380 ms on its way
  air.observe({ startSample: 960, airsInMs: 6000 });
  expect(air.airsAtMs(48_000) - 7000).toBeLessThan(1);
  await clock.advance(0);
  air.observe({ startSample: 19_200, airsInMs: 5990 }); // on time, and the playout a little earlier
  expect(air.airsAtMs(48_000)).toBe(6990);
});

test("a moved playout is believed at once, a slow drift is followed", async () => {
  using clock = new HandClock();
  const air = new AirClock(clock);
  air.observe({ startSample: 0, airsInMs: 6000 });
  air.observe({ startSample: 0, airsInMs: 9000 });
  expect(air.airsAtMs(0)).toBe(9000);
  for (let second = 1; second <= 100; second++) {
    await clock.advance(1000);
    air.observe({ startSample: 48_000 * second, airsInMs: 9000 + second * 0.05 }); // 50 ppm
  }
  expect(Math.abs(air.airsAtMs(0) - 9005)).toBeLessThan(1);
});
