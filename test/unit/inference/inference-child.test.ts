import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { EngineError } from "../../../gpu/inference/engine-error.ts";
import { InferenceChild } from "../../../gpu/inference/inference-child.ts";
import { createLogger } from "../../../src/telemetry/log.ts";

interface Order {
  say?: string;
  sleepMs?: number;
  exit?: number;
  fail?: string;
  blockMs?: number;
  steps?: number;
  samples?: Float32Array;
}

const answer = z.object({
  said: z.string(),
  pid: z.number(),
  samples: z.custom<Float32Array>((value) => value instanceof Float32Array).optional(),
});
const info = z.object({ modelsDir: z.string() });
const started: InferenceChild<Order, z.infer<typeof info>, z.infer<typeof answer>>[] = [];

function fixture(
  change: { modelsDir?: string; recycleAboveBytes?: number; hungAfterMs?: number } = {},
) {
  const child = new InferenceChild<Order, z.infer<typeof info>, z.infer<typeof answer>>({
    task: "translate",
    stage: "translation",
    command: [process.execPath, join(import.meta.dir, "child.fixture.ts")],
    env: process.env,
    start: { modelsDir: change.modelsDir ?? "/models", threads: 1, executionProvider: "cpu" },
    info,
    result: answer,
    logger: createLogger({ level: "silent", format: "json" }),
    queueMaxDepth: 3,
    hungAfterMs: change.hungAfterMs ?? 5000,
    recycleAboveBytes: change.recycleAboveBytes ?? 2 ** 40,
  });
  started.push(child);
  return child;
}

afterEach(async () => {
  for (const child of started.splice(0)) await child.close();
});

async function failureOf(run: Promise<unknown>): Promise<EngineError> {
  const error = await run.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error instanceof EngineError) return error;
  throw new Error(`not an engine error: ${String(error)}`);
}

describe("an inference child", () => {
  test("is ready once it has loaded, and answers from a process of its own", async () => {
    const child = fixture();
    await child.start();
    expect(child.info).toEqual({ modelsDir: "/models" });
    const { said, pid } = await child.request({ say: "hello" });
    expect(said).toBe("hello");
    expect(pid).not.toBe(process.pid);
    expect(child.health).toMatchObject({ state: "ready", pid, restarts: 0, queued: 0 });
  });

  test("carries 30 s of sound there and back, unchanged", async () => {
    const child = fixture();
    await child.start();
    const samples = Float32Array.from({ length: 30 * 16_000 }, (_, n) => Math.sin(n));
    const back = await child.request({ samples });
    expect(back.samples).toEqual(samples);
  });

  test("that cannot load tells why", async () => {
    const child = fixture({ modelsDir: "/missing" });
    expect(child.start()).rejects.toThrow("model file /missing/x: gone");
    await child.start().catch(() => {});
    expect(child.health.state).toBe("stopped");
  });

  test("that dies while loading is told apart", async () => {
    expect(fixture({ modelsDir: "/crash" }).start()).rejects.toThrow("exit code 3");
  });

  test("answers one request at a time, in order", async () => {
    const child = fixture();
    await child.start();
    const order: string[] = [];
    await Promise.all(
      ["one", "two", "three"].map(async (say) => {
        order.push((await child.request({ say, sleepMs: 20 })).said);
      }),
    );
    expect(order).toEqual(["one", "two", "three"]);
  });

  test("that dies answers everything pending as retryable, and is back within 3 s", async () => {
    const child = fixture();
    await child.start();
    const pending = [child.request({ exit: 7 }), child.request({ say: "after" })].map(failureOf);
    for (const failure of pending)
      expect(await failure).toMatchObject({
        code: "MODEL_ERROR",
        retryable: true,
        blame: "us",
      });
    const begun = performance.now();
    expect((await child.request({ say: "again" })).said).toBe("again");
    expect(performance.now() - begun).toBeLessThan(3000);
    expect(child.health).toMatchObject({ state: "ready", restarts: 1 });
  });

  test("reports a failed run and lives on", async () => {
    const child = fixture();
    await child.start();
    expect(await failureOf(child.request({ fail: "Non-zero status code" }))).toMatchObject({
      code: "MODEL_ERROR",
      retryable: true,
      stage: "translation",
    });
    expect((await failureOf(child.request({ fail: "CUDA error: out of memory" }))).code).toBe(
      "GPU_OOM",
    );
    expect(child.health.restarts).toBe(0);
  });

  test("a run over its limit is a timeout, and the next request is served by the same process", async () => {
    const child = fixture();
    await child.start();
    const { pid } = await child.request({});
    const error = await failureOf(child.request({ sleepMs: 5000 }, { timeoutMs: 60 }));
    expect(error).toMatchObject({ code: "TIMEOUT", retryable: true });
    expect((await child.request({ say: "next" })).pid).toBe(pid);
  });

  test("work that was given up ends after the step that runs, though that step hears nothing", async () => {
    const child = fixture();
    await child.start();
    const leaving = new AbortController();
    const given = failureOf(
      child.request({ blockMs: 100, steps: 100 }, { signal: leaving.signal }),
    );
    await Bun.sleep(150);
    leaving.abort();
    await given;
    const begun = performance.now();
    await child.request({});
    expect(performance.now() - begun).toBeLessThan(1000);
  });

  test("that hangs beyond its limit is killed and replaced", async () => {
    const child = fixture({ hungAfterMs: 100 });
    await child.start();
    const { pid } = await child.request({});
    const error = await failureOf(child.request({ blockMs: 60_000 }, { timeoutMs: 50 }));
    expect(error.code).toBe("TIMEOUT");
    const next = await retried(() => child.request({ say: "alive" }));
    expect(next.said).toBe("alive");
    expect(next.pid).not.toBe(pid);
  });

  test("work whose deadline has passed, or whose caller left, is never begun", async () => {
    const child = fixture();
    await child.start();
    const busy = child.request({ sleepMs: 100 });
    const leaving = new AbortController();
    const late = child.request({ exit: 9 }, { deadlineAtMs: performance.now() + 20 });
    const left = child.request({ exit: 9 }, { signal: leaving.signal });
    leaving.abort();
    expect((await failureOf(left)).code).toBe("TIMEOUT");
    expect((await failureOf(late)).code).toBe("TIMEOUT");
    await busy;
    expect(child.health.restarts).toBe(0); // either would have ended it
  });

  test("refuses what its queue has no room for", async () => {
    const child = fixture();
    await child.start();
    const waiting = [1, 2, 3, 4].map(() => child.request({ sleepMs: 30 }));
    expect(await failureOf(child.request({}))).toMatchObject({
      code: "QUEUE_FULL",
      retryable: true,
    });
    await Promise.all(waiting);
  });

  test("that has grown is replaced between two requests, and no request is lost", async () => {
    const child = fixture({ recycleAboveBytes: 1 });
    await child.start();
    const first = await child.request({ say: "one" });
    const second = await child.request({ say: "two" });
    expect(second.said).toBe("two");
    expect(second.pid).not.toBe(first.pid);
  });

  test("closing settles what is pending and ends the process", async () => {
    const child = fixture();
    await child.start();
    const pending = failureOf(child.request({ sleepMs: 5000 }));
    await child.close();
    expect((await pending).code).toBe("MODEL_ERROR");
    expect(child.health).toMatchObject({ state: "stopped", pid: undefined });
    expect((await failureOf(child.request({}))).code).toBe("MODEL_ERROR");
  });
});

/** A request in the moment before a killed process is missed is answered as retryable: ask once more. */
async function retried<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof EngineError && cause.retryable) return run();
    throw cause;
  }
}
