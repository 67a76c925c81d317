import { describe, expect, test } from "bun:test";
import { Gate, ScriptedEngine } from "../../support/scripted-engine.ts";
import { startSidecar } from "../../support/sidecar-server.ts";
import { StsClient } from "../../support/sts-client.ts";

describe("2.8 backpressure, real mode", () => {
  test("is sent on change of severity only, with all eight keys, and once when it is over", async () => {
    const gate = new Gate();
    await using server = await startSidecar({}, { engine: new ScriptedEngine(gate.script) });
    using client = await StsClient.begin(server.url, { max_inflight: 3 });
    for (let sequence = 0; sequence < 8; sequence++) client.fragment(sequence);
    await client.count("fragment:ack", 8);
    await gate.pass(8);
    await client.count("fragment:processed", 8);
    expect(client.all("backpressure")).toEqual([
      {
        stream_id: "match",
        severity: "medium",
        action: "slow_down",
        current_inflight: 4,
        max_inflight: 3,
        queue_depth: 3,
        threshold_exceeded: "medium",
        recommended_delay_ms: 500,
      },
      {
        stream_id: "match",
        severity: "high",
        action: "pause",
        current_inflight: 7,
        max_inflight: 3,
        queue_depth: 6,
        threshold_exceeded: "high",
        recommended_delay_ms: 1000,
      },
      expect.objectContaining({ severity: "medium", action: "slow_down", current_inflight: 6 }),
      {
        stream_id: "match",
        severity: "low",
        action: "none",
        current_inflight: 3,
        max_inflight: 3,
        queue_depth: expect.any(Number),
        threshold_exceeded: null,
        recommended_delay_ms: 0,
      },
    ]);
  });

  test("a session within max_inflight hears nothing", async () => {
    await using server = await startSidecar({}, { engine: new ScriptedEngine() });
    using client = await StsClient.begin(server.url, { max_inflight: 10 });
    for (let sequence = 0; sequence < 10; sequence++) client.fragment(sequence);
    await client.count("fragment:processed", 10);
    expect(client.all("backpressure")).toEqual([]);
  });

  test("beyond the larger of 10 and 3 × max_inflight a fragment is BACKPRESSURE_EXCEEDED, retryable", async () => {
    const gate = new Gate();
    await using server = await startSidecar({}, { engine: new ScriptedEngine(gate.script) });
    using client = await StsClient.begin(server.url, { max_inflight: 2 });
    for (let sequence = 0; sequence < 11; sequence++) client.fragment(sequence);
    const error = await client.next("error");
    expect(error).toMatchObject({
      code: "BACKPRESSURE_EXCEEDED",
      retryable: true,
      fragment_id: "fragment-10",
    });
    await gate.pass(10);
    await client.count("fragment:processed", 10);
    client.fragment(10);
    await gate.pass();
    await client.count("fragment:processed", 11);
  });

  test("beyond QUEUE_MAX_DEPTH waiting fragments one more is QUEUE_FULL, a warning", async () => {
    const gate = new Gate();
    const engine = new ScriptedEngine(gate.script);
    await using server = await startSidecar({ QUEUE_MAX_DEPTH: "2" }, { engine });
    using client = await StsClient.begin(server.url, { max_inflight: 10 });
    client.fragment(0);
    await gate.reached(1);
    for (const sequence of [1, 2, 3]) client.fragment(sequence);
    const error = await client.next("error");
    expect(error).toMatchObject({
      code: "QUEUE_FULL",
      severity: "warning",
      retryable: true,
      fragment_id: "fragment-3",
    });
    await gate.pass(3);
    await client.count("fragment:processed", 3);
  });

  test("thresholds can be set as counts", async () => {
    const gate = new Gate();
    const thresholds = {
      BACKPRESSURE_THRESHOLD_LOW: "1",
      BACKPRESSURE_THRESHOLD_MEDIUM: "2",
      BACKPRESSURE_THRESHOLD_HIGH: "3",
      BACKPRESSURE_THRESHOLD_CRITICAL: "4",
    };
    await using server = await startSidecar(thresholds, {
      engine: new ScriptedEngine(gate.script),
    });
    using client = await StsClient.begin(server.url, { max_inflight: 10 });
    for (const sequence of [0, 1, 2, 3, 4]) client.fragment(sequence);
    expect(await client.next("error")).toMatchObject({ code: "BACKPRESSURE_EXCEEDED" });
    expect(client.all("backpressure")).toMatchObject([
      { severity: "medium", current_inflight: 2 },
      { severity: "high", current_inflight: 3 },
    ]);
    await gate.pass(4);
  });

  test("one stream's backlog does not starve another", async () => {
    const gate = new Gate();
    const engine = new ScriptedEngine(gate.script);
    await using server = await startSidecar({ MAX_WORKERS: "1" }, { engine });
    using busy = await StsClient.begin(server.url, { stream_id: "busy", max_inflight: 10 });
    for (let sequence = 0; sequence < 8; sequence++) busy.fragment(sequence, { stream_id: "busy" });
    await busy.count("fragment:ack", 8);
    using quiet = await StsClient.begin(server.url, { stream_id: "quiet" });
    quiet.fragment(0, { stream_id: "quiet", fragment_id: "quiet-0" });
    await quiet.next("fragment:ack");
    await gate.pass(3);
    await quiet.next("fragment:processed");
    expect(busy.all("fragment:processed").length).toBeLessThanOrEqual(2);
    await gate.pass(6);
    await busy.count("fragment:processed", 8);
  });
});

describe("2.8 backpressure, echo mode", () => {
  test("is silent unless BACKPRESSURE_ENABLED", async () => {
    await using server = await startSidecar({ ECHO_PROCESSING_DELAY_MS: "50" });
    using client = await StsClient.begin(server.url, { max_inflight: 1 });
    for (let sequence = 0; sequence < 20; sequence++) client.fragment(sequence);
    await client.count("fragment:processed", 20);
    expect(client.all("backpressure")).toEqual([]);
    expect(client.all("error")).toEqual([]);
  });

  test("goes by shares of max_inflight: low from 0.5, medium from 0.7, high from 0.9", async () => {
    const settings = { ECHO_PROCESSING_DELAY_MS: "100", BACKPRESSURE_ENABLED: "true" };
    await using server = await startSidecar(settings);
    using client = await StsClient.begin(server.url, { max_inflight: 10 });
    for (let sequence = 0; sequence < 10; sequence++) client.fragment(sequence);
    await client.count("fragment:processed", 10);
    const said = client.all("backpressure").map((one) => [one.severity, one.current_inflight]);
    expect(said.slice(0, 3)).toEqual([
      ["low", 5],
      ["medium", 7],
      ["high", 9],
    ]);
    expect(client.all("backpressure").at(-1)).toMatchObject({ severity: "low", action: "none" });
  });
});
