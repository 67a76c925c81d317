import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Gate, ScriptedEngine, engineFailure } from "../../support/scripted-engine.ts";
import { startSidecar, type TestSidecar } from "../../support/sidecar-server.ts";
import { StsClient } from "../../support/sts-client.ts";

let echo: TestSidecar;
beforeAll(async () => (echo = await startSidecar({ AUTO_DISCONNECT_DELAY: "0.2" })));
afterAll(() => echo[Symbol.asyncDispose]());

describe("2.9 pause and resume", () => {
  test("while paused new fragments are STREAM_PAUSED (warning, retryable), those in flight finish", async () => {
    const gate = new Gate();
    await using server = await startSidecar({}, { engine: new ScriptedEngine(gate.script) });
    using client = await StsClient.begin(server.url);
    client.fragment(0);
    await gate.reached(1);
    client.send("stream:pause", { stream_id: "match", reason: "advert" });
    client.fragment(1);
    const error = await client.next("error");
    expect(error).toMatchObject({
      code: "STREAM_PAUSED",
      severity: "warning",
      retryable: true,
      fragment_id: "fragment-1",
      stream_id: "match",
    });
    await gate.pass();
    await client.next("fragment:processed");
    client.send("stream:resume", { stream_id: "match" });
    client.fragment(1);
    await gate.pass();
    expect(await client.count("fragment:processed", 2)).toHaveLength(2);
  });

  test("resume when active, and pause when paused, have no effect and no answer", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "noop" });
    client.send("stream:resume", {});
    client.send("stream:pause", {});
    client.send("stream:pause");
    client.send("stream:resume", null);
    client.fragment(0, { stream_id: "noop" });
    await client.next("fragment:processed");
    expect(client.all("error")).toEqual([]);
  });

  for (const event of ["stream:pause", "stream:resume", "stream:end"])
    test(`${event} without a session is STREAM_NOT_FOUND`, async () => {
      using client = await StsClient.connect(echo.url);
      client.send(event, { stream_id: "match" });
      expect(await client.next("error")).toMatchObject({
        code: "STREAM_NOT_FOUND",
        retryable: false,
      });
    });

  test("a malformed pause is told", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "malformed-pause" });
    client.send("stream:pause", { stream_id: 7 });
    expect(await client.next("error")).toMatchObject({ code: "MALFORMED_DATA" });
  });
});

describe("2.9 stream:end and 2.10 stream:complete", () => {
  test("stream:complete comes after what is in flight, and no fragment is taken any more", async () => {
    const gate = new Gate();
    await using server = await startSidecar({}, { engine: new ScriptedEngine(gate.script) });
    using client = await StsClient.begin(server.url);
    client.fragment(0);
    client.fragment(1);
    await client.count("fragment:ack", 2);
    client.send("stream:end", { stream_id: "match", reason: "source_ended" });
    client.fragment(2);
    expect(await client.next("error")).toMatchObject({
      code: "STREAM_NOT_FOUND",
      fragment_id: "fragment-2",
    });
    await gate.pass(2);
    await client.next("stream:complete");
    const order = client.received.map((one) => one.event);
    expect(order.lastIndexOf("fragment:processed")).toBeLessThan(order.indexOf("stream:complete"));
    expect(client.all("fragment:processed")).toHaveLength(2);
  });

  test("holes are given up at once at the end", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "holes" });
    client.fragment(0, { stream_id: "holes" });
    client.fragment(2, { stream_id: "holes" });
    await client.next("fragment:processed");
    client.send("stream:end");
    const complete = await client.next("stream:complete");
    expect(complete.total_fragments).toBe(2);
    expect(client.all("error")[0]).toMatchObject({ metadata: { expected: 1, got: 2 } });
  });

  test("statistics count every status, sum the audio, and name codes and stages", async () => {
    const engine = new ScriptedEngine((request) => {
      if (request.fragmentId === "fragment-1") return { dubbedDurationMs: 1300 };
      if (request.fragmentId === "fragment-2") throw engineFailure("ASR_FAILED", { stage: "asr" });
      if (request.fragmentId === "fragment-3") throw engineFailure("GPU_OOM", { stage: "tts" });
      return {};
    });
    await using server = await startSidecar({}, { engine });
    using client = await StsClient.begin(server.url);
    for (const sequence of [0, 1, 2, 3, 4]) client.fragment(sequence);
    await client.count("fragment:processed", 5);
    client.send("stream:end", {});
    const complete = await client.next("stream:complete");
    expect(complete).toMatchObject({
      stream_id: "match",
      total_fragments: 5,
      total_duration_ms: 5000,
      statistics: {
        success_count: 2,
        partial_count: 1,
        failed_count: 2,
        total_fragments: 5,
        total_audio_duration_ms: 5000,
      },
      error_breakdown: { by_stage: { asr: 1, tts: 1 }, by_code: { ASR_FAILED: 1, GPU_OOM: 1 } },
      success_count: 2,
      failed_count: 2,
    });
    const times = client.all("fragment:processed").map((one) => one.processing_time_ms as number);
    times.sort((a, b) => a - b);
    expect(complete.statistics.p95_processing_time_ms).toBe(times[4]);
    expect(complete.avg_processing_time_ms).toBeCloseTo(times.reduce((a, b) => a + b) / 5, 1);
    expect(complete.statistics.avg_processing_time_ms).toBe(complete.avg_processing_time_ms);
  });

  test("an empty stream completes with zeros", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "empty" });
    client.send("stream:end");
    expect(await client.next("stream:complete")).toMatchObject({
      total_fragments: 0,
      total_duration_ms: 0,
      statistics: { avg_processing_time_ms: 0, p95_processing_time_ms: 0 },
    });
  });

  test("the server disconnects AUTO_DISCONNECT_DELAY after stream:complete", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "leave" });
    client.send("stream:end");
    await client.next("stream:complete");
    expect(await client.next("disconnect")).toBe("io server disconnect");
    const [complete, gone] = ["stream:complete", "disconnect"].map(
      (event) => client.received.find((one) => one.event === event)?.atMs ?? 0,
    );
    expect((gone ?? 0) - (complete ?? 0)).toBeGreaterThan(150);
  });

  test("a client that polls hears of the disconnect too, after everything that was sent to it", async () => {
    using client = await StsClient.begin(
      echo.url,
      { stream_id: "polls" },
      { transports: ["polling"] },
    );
    for (const sequence of [0, 1, 2]) client.fragment(sequence, { stream_id: "polls" });
    client.send("stream:end");
    await client.next("stream:complete");
    expect(client.all("fragment:processed")).toHaveLength(3);
    expect(await client.next("disconnect")).toBe("io server disconnect");
  });

  test("a second stream:end gets stream:complete again", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "twice" });
    client.send("stream:end");
    client.send("stream:end");
    const [first, second] = await client.count("stream:complete", 2);
    expect(second).toEqual(first);
  });

  test("a new stream:init after stream:complete keeps the connection", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "next-1" });
    client.send("stream:end");
    await client.next("stream:complete");
    await client.init({ stream_id: "next-2" });
    await Bun.sleep(300); // longer than AUTO_DISCONNECT_DELAY
    client.fragment(0, { stream_id: "next-2" });
    await client.next("fragment:processed");
  });

  test("a paused stream can be ended", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "paused-end" });
    client.send("stream:pause");
    client.send("stream:end");
    await client.next("stream:complete");
  });
});

describe("stopping the server", () => {
  test("what is in flight may finish, new work is refused, then clients are disconnected", async () => {
    const gate = new Gate();
    const engine = new ScriptedEngine(gate.script);
    const server = await startSidecar({}, { engine });
    using client = await StsClient.begin(server.url);
    client.fragment(0);
    await gate.reached(1);
    const closed = server.service.close();
    client.fragment(1);
    expect(await client.next("error")).toMatchObject({
      code: "TEMPORARY_UNAVAILABLE",
      retryable: true,
    });
    expect((await fetch(`${server.url}/health`)).status).toBe(503);
    await gate.pass();
    expect(await client.next("fragment:processed")).toMatchObject({ status: "success" });
    expect(await client.next("disconnect")).toBe("io server disconnect");
    await closed;
    expect(engine.closed).toBe(1);
  });

  test("what does not finish in time is answered as failed and retryable", async () => {
    const gate = new Gate();
    const engine = new ScriptedEngine(gate.script);
    const server = await startSidecar({}, { engine, finishWithinMs: 100 });
    using client = await StsClient.begin(server.url);
    client.fragment(0);
    await gate.reached(1);
    await server.service.close();
    const answer = await client.next("fragment:processed");
    expect(answer.error).toMatchObject({ code: "TEMPORARY_UNAVAILABLE", retryable: true });
    await client.next("disconnect");
  });
});
