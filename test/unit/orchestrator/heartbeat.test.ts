import { expect, test } from "bun:test";
import { Heartbeat } from "../../../src/orchestrator/heartbeat.ts";

test("a process that falls silent is found once, within its limit", async () => {
  const startedAt = performance.now();
  let silences = 0;
  await new Promise<void>((resolve) => {
    const heartbeat = new Heartbeat({
      startWithinMs: 60_000,
      silentAfterMs: 300,
      onSilent: () => {
        silences += 1;
        resolve();
      },
    });
    heartbeat.beat();
  });
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(250);
  expect(silences).toBe(1);
});

test("until its first sign of life it has the time that starting takes", async () => {
  let silent = false;
  const heartbeat = new Heartbeat({
    startWithinMs: 60_000,
    silentAfterMs: 50,
    onSilent: () => (silent = true),
  });
  await Bun.sleep(400);
  expect(silent).toBe(false);
  heartbeat.close();
});

test("a machine that stands still makes nobody hang", async () => {
  let silent = false;
  const heartbeat = new Heartbeat({
    startWithinMs: 60_000,
    silentAfterMs: 600,
    onSilent: () => (silent = true),
  });
  heartbeat.beat();
  const until = performance.now() + 900;
  while (performance.now() < until); // our own loop stands still, as it does when the machine is stopped
  await Bun.sleep(1);
  expect(silent).toBe(false);
  heartbeat.close();
});
