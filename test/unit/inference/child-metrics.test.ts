import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import type { InferenceTask } from "../../../gpu/inference/engine.ts";
import { InferenceChild } from "../../../gpu/inference/inference-child.ts";
import { SidecarMetrics } from "../../../gpu/server/metrics.ts";
import { createLogger } from "../../../src/telemetry/log.ts";
import { readMetrics } from "../metrics/prometheus-text.ts";

interface Order {
  readonly blockMs?: number;
  readonly fail?: string;
  readonly exit?: number;
  readonly samples?: Float32Array;
}

const answer = z.object({ pid: z.number() });
const info = z.object({ modelsDir: z.string() });
const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const child of open.splice(0)) await child[Symbol.asyncDispose]();
});

/** A scripted child whose orders carry sound at 16 kHz, and the page of metrics that it is seen on. */
async function measured(task: InferenceTask) {
  const metrics = new SidecarMetrics();
  const child = new InferenceChild<Order, z.infer<typeof info>, z.infer<typeof answer>>({
    task,
    stage: "asr",
    command: [process.execPath, join(import.meta.dir, "child.fixture.ts")],
    env: process.env,
    start: { modelsDir: "/models", threads: 1, executionProvider: "cpu" },
    info,
    result: answer,
    logger: createLogger({ level: "silent", format: "json" }),
    queueMaxDepth: 3,
    recycleAboveBytes: 2 ** 40,
    observer: metrics.children,
    audioMs: ({ samples }) => samples && samples.length / 16,
  });
  open.push(child);
  await child.start();
  return { child, page: async () => readMetrics(await metrics.page()) };
}

const ignored = () => {};

describe("the metrics page tells of an inference child", () => {
  test("how long requests waited for their run, by its task", async () => {
    const { child, page } = await measured("recognise");
    const begunAtMs = performance.now();
    await Promise.all([child.request({ blockMs: 80 }), child.request({ blockMs: 80 })]);
    const tookS = (performance.now() - begunAtMs) / 1000;

    const seen = await page();
    const waits = "sts_child_queue_delay_seconds";
    expect(seen.value(`${waits}_count`, { task: "recognise" })).toBe(2);
    const waitedS = seen.value(`${waits}_sum`, { task: "recognise" })!;
    expect(waitedS).toBeGreaterThan(0.08); // the second had to wait for the first
    expect(waitedS).toBeLessThan(tookS - 0.08); // its own run is no wait
    expect(seen.value(`${waits}_bucket`, { task: "recognise", le: "0.05" })).toBe(1);
    expect(seen.series(`${waits}_count`)).toHaveLength(1);
  });

  test("the wait of a request that no run was begun for is not a wait of 0", async () => {
    const { child, page } = await measured("recognise");
    const busy = child.request({ blockMs: 50 });
    await child.request({}, { deadlineAtMs: performance.now() }).catch(ignored);
    await busy;
    expect((await page()).value("sts_child_queue_delay_seconds_count")).toBe(1);
  });

  for (const [task, stage] of [
    ["detect", "vad"],
    ["recognise", "asr"],
    ["voice", "tts"],
  ] as const)
    test(`work over sound in ${task}, as the real-time factor of ${stage}`, async () => {
      const { child, page } = await measured(task);
      const begunAtMs = performance.now();
      await child.request({ samples: new Float32Array(3200), blockMs: 50 });
      const tookS = (performance.now() - begunAtMs) / 1000;
      const seen = await page();
      expect(seen.value("sts_stage_real_time_factor_count", { stage })).toBe(1);
      const factor = seen.value("sts_stage_real_time_factor_sum", { stage })!;
      expect(factor).toBeGreaterThan(0.05 / 0.2);
      expect(factor).toBeLessThan(tookS / 0.2);
    });

  test("a wait counts in no real-time factor", async () => {
    const { child, page } = await measured("recognise");
    const samples = new Float32Array(16_000);
    const begunAtMs = performance.now();
    await Promise.all([child.request({ blockMs: 300 }), child.request({ samples })]);
    const tookS = (performance.now() - begunAtMs) / 1000;
    const seen = await page();
    expect(seen.value("sts_stage_real_time_factor_count")).toBe(1);
    expect(seen.value("sts_stage_real_time_factor_sum")).toBeLessThan(tookS - 0.3);
  });

  test("runs without sound, and those that failed, have no real-time factor", async () => {
    const { child, page } = await measured("voice");
    await child.request({});
    await child.request({ samples: new Float32Array(0) });
    await child.request({ samples: new Float32Array(16), fail: "no memory" }).catch(ignored);
    const seen = await page();
    expect(seen.series("sts_stage_real_time_factor_count")).toEqual([]);
    expect(seen.value("sts_child_queue_delay_seconds_count", { task: "voice" })).toBe(3);
  });

  test("how many requests never began, and why, from 0 on", async () => {
    const { child, page } = await measured("voice");
    const dropped = async () => {
      const seen = await page();
      return ["full", "expired", "cancelled"].map((reason) =>
        seen.value("sts_child_requests_dropped_total", { task: "voice", reason }),
      );
    };
    expect(await dropped()).toEqual([0, 0, 0]);
    const busy = child.request({ blockMs: 80 });
    const caller = new AbortController();
    const leaving = child.request({}, { signal: caller.signal }).catch(ignored);
    const late = child.request({}, { deadlineAtMs: performance.now() }).catch(ignored);
    const waiting = child.request({});
    await expect(child.request({})).rejects.toMatchObject({ code: "QUEUE_FULL" });
    caller.abort();
    await Promise.all([busy, leaving, late, waiting]);
    expect(await dropped()).toEqual([1, 1, 1]);
  });

  test("how often it was started again, from 0 on", async () => {
    const { child, page } = await measured("translate");
    const restarts = async () =>
      (await page()).value("sts_child_restarts_total", { task: "translate" });
    expect(await restarts()).toBe(0);
    await child.request({ exit: 7 }).catch(ignored);
    await child.request({}); // waits for the new process
    expect(await restarts()).toBe(1);
    expect(child.health.restarts).toBe(1);
  });
});
