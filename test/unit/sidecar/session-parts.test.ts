import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AnswerStore } from "../../../gpu/session/answer-store.ts";
import { maxAnswerBytes, processedMessage } from "../../../gpu/session/answer-message.ts";
import { FairQueue } from "../../../gpu/session/fair-queue.ts";
import { EchoLoadPolicy, RealLoadPolicy } from "../../../gpu/session/load-policy.ts";
import { SessionStatistics } from "../../../gpu/session/statistics.ts";
import { settleTerms } from "../../../gpu/session/terms.ts";

describe("load policy by contract 2.8", () => {
  test("real: low up to max_inflight, medium up to twice it, high beyond; refused above max(10, 3×)", () => {
    const policy = new RealLoadPolicy();
    const severities = [0, 3, 4, 6, 7, 10].map((inFlight) => policy.severity(inFlight, 3));
    expect(severities).toEqual(["low", "low", "medium", "medium", "high", "high"]);
    expect([1, 3, 4, 10].map((max) => policy.refuseAbove(max))).toEqual([10, 10, 12, 30]);
  });

  test("thresholds as counts of the newer specification agree with it at max_inflight 3", () => {
    const count = (value: number) => ({ kind: "count", value }) as const;
    const set = new RealLoadPolicy({
      low: count(3),
      medium: count(6),
      high: count(10),
      critical: count(10),
    });
    const unset = new RealLoadPolicy();
    for (let inFlight = 0; inFlight <= 12; inFlight++)
      expect(set.severity(inFlight, 3)).toBe(unset.severity(inFlight, 3));
    expect(set.refuseAbove(3)).toBe(unset.refuseAbove(3));
  });

  test("echo: idle below half, then low, medium and high by shares", () => {
    const policy = new EchoLoadPolicy();
    const severities = [4, 5, 6, 7, 8, 9].map((inFlight) => policy.severity(inFlight, 10));
    expect(severities).toEqual(["idle", "low", "low", "medium", "medium", "high"]);
  });
});

describe("statistics", () => {
  test("p95 is element floor(0.95·n) of the sorted times, in bounded memory", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9999 }), { minLength: 1 }), (times) => {
        const statistics = new SessionStatistics();
        for (const processingTimeMs of times)
          statistics.add({ status: "success", processingTimeMs, durationMs: 1000 });
        const sorted = times.toSorted((a, b) => a - b);
        const { statistics: told, total_duration_ms } = statistics.completeMessage("s");
        expect(told.p95_processing_time_ms).toBe(sorted[Math.floor(0.95 * times.length)] ?? 0);
        expect(total_duration_ms).toBe(1000 * times.length);
      }),
    );
  });

  test("invented error codes cannot grow the breakdown without end", () => {
    const statistics = new SessionStatistics();
    for (let i = 0; i < 5000; i++)
      statistics.add({
        status: "failed",
        processingTimeMs: 1,
        durationMs: 1,
        error: { code: `CODE_${i}`, stage: "asr" },
      });
    const { by_code } = statistics.completeMessage("s").error_breakdown;
    expect(Object.keys(by_code).length).toBeLessThanOrEqual(101);
    expect(by_code["OTHER"]).toBe(4900);
  });
});

describe("answers kept for a retry", () => {
  const answer = (id: string, length: number) => ({
    fragment_id: id,
    stream_id: "s",
    sequence_number: 0,
    status: "success" as const,
    processing_time_ms: 1,
    dubbed_audio: {
      format: "pcm_s16le",
      sample_rate_hz: 16_000,
      channels: 1,
      duration_ms: 1,
      data_base64: "A".repeat(length),
    },
  });

  test("the oldest go first, by count", () => {
    const store = new AnswerStore(2);
    for (const id of ["a", "b", "c"]) store.keep(answer(id, 10));
    expect([store.find("a"), store.find("b")?.fragment_id, store.find("c")?.fragment_id]).toEqual([
      undefined,
      "b",
      "c",
    ]);
  });

  test("they never take more than 2 MiB, and one larger than that is not kept", () => {
    const store = new AnswerStore(10);
    for (const id of ["a", "b", "c"]) store.keep(answer(id, 900_000));
    expect(store.find("a")).toBeUndefined();
    expect(store.find("c")).toBeDefined();
    store.keep(answer("huge", 3_000_000));
    expect(store.find("huge")).toBeUndefined();
  });
});

describe("fair queue", () => {
  test("a queue's tasks run one by one in order, and queues take turns on one place", async () => {
    const queue = new FairQueue(1);
    const order: string[] = [];
    const { signal } = new AbortController();
    const task = (name: string) => async () => {
      order.push(name);
      await Promise.resolve();
    };
    const runs = ["a1", "a2", "a3", "b1", "b2"].map((name) =>
      queue.run(name.slice(0, 1), task(name), signal),
    );
    await Promise.all(runs);
    expect(order).toEqual(["a1", "b1", "a2", "b2", "a3"]);
  });

  test("never more tasks at a time than places, never two of one queue, and all are run", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 40 }),
        async (places, names) => {
          const queue = new FairQueue(places);
          const running = new Set<number>();
          const { signal } = new AbortController();
          let done = 0;
          await Promise.all(
            names.map((name) =>
              queue.run(
                String(name),
                async () => {
                  expect(running.has(name)).toBe(false);
                  running.add(name);
                  expect(running.size).toBeLessThanOrEqual(places);
                  await Promise.resolve();
                  running.delete(name);
                  done++;
                },
                signal,
              ),
            ),
          );
          expect(done).toBe(names.length);
          expect(queue.waitingInAll).toBe(0);
        },
      ),
    );
  });

  test("a task that is given up while it waits never runs and leaves no trace", async () => {
    const queue = new FairQueue(1);
    const open = new AbortController();
    const given = new AbortController();
    let release = () => {};
    const first = queue.run(
      "a",
      () => new Promise<void>((resolve) => (release = resolve)),
      open.signal,
    );
    const second = queue.run("a", () => Promise.reject(new Error("must not run")), given.signal);
    expect(queue.waiting("a")).toBe(1);
    given.abort(new Error("given up"));
    await expect(second).rejects.toThrow("given up");
    expect(queue.waiting("a")).toBe(0);
    release();
    await first;
  });

  test("a failing task frees its place", async () => {
    const queue = new FairQueue(1);
    const { signal } = new AbortController();
    await expect(queue.run("a", () => Promise.reject(new Error("no")), signal)).rejects.toThrow(
      "no",
    );
    expect(await queue.run("a", () => Promise.resolve(5), signal)).toBe(5);
  });
});

describe("terms", () => {
  test("an echo serves every language and voice", () => {
    const settled = settleTerms({ target_language: "zh", voice_profile: "any" }, undefined);
    expect(settled).toMatchObject({ terms: { targetLanguage: "zh", voiceProfile: "any" } });
  });
});

describe("answers", () => {
  test("audio that is allowed keeps the whole message under the peer's 4 MiB", () => {
    const bytes = new Uint8Array(maxAnswerBytes(false));
    const message = processedMessage(
      {
        fragmentId: "f".repeat(256),
        streamId: "s".repeat(256),
        sequenceNumber: 1,
        processingTimeMs: 1,
        binaryAudio: false,
        extended: true,
        gpuUtilization: undefined,
      },
      {
        status: "success",
        audio: { format: "pcm_s16le", sampleRateHz: 48_000, channels: 2, durationMs: 1, bytes },
        transcript: "t".repeat(10_000),
        translatedText: "t".repeat(10_000),
        stageTimings: undefined,
        models: { asr: "a", translation: "b", tts: "c" },
        originalDurationMs: 1,
        dubbedDurationMs: 1,
        speedRatio: 7,
        warnings: [],
        speechRegions: [],
      },
    );
    expect(JSON.stringify(["fragment:processed", message]).length + 2).toBeLessThan(4_194_304);
    expect(message.metadata?.speed_ratio).toBe(2);
  });
});
