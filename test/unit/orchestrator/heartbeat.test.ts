import { expect, test } from "bun:test";
import { Heartbeat } from "../../../src/orchestrator/heartbeat.ts";
import { isRunnable } from "../../../src/process/proc-stat.ts";

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

test("a process that waits for its turn on the machine is given more time, but not for ever", async () => {
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    const heartbeat = new Heartbeat({
      startWithinMs: 60_000,
      silentAfterMs: 200,
      isBusy: () => true,
      onSilent: resolve,
    });
    heartbeat.beat();
  });
  expect(performance.now() - startedAt).toBeGreaterThan(3500);
}, 20_000);

test("a stopped process is not busy, a computing one is", async () => {
  const stopped = Bun.spawn(["sleep", "60"]);
  stopped.kill("SIGSTOP");
  const computing = Bun.spawn([process.execPath, "-e", "for (;;);"]);
  const until = performance.now() + 5000;
  while (!isRunnable(computing.pid) && performance.now() < until) await Bun.sleep(10);
  expect(isRunnable(computing.pid)).toBe(true);
  while (isRunnable(stopped.pid) && performance.now() < until) await Bun.sleep(10);
  expect(isRunnable(stopped.pid)).toBe(false);
  for (const child of [stopped, computing]) {
    child.kill("SIGKILL");
    await child.exited;
    expect(isRunnable(child.pid)).toBe(false);
  }
}, 20_000);
