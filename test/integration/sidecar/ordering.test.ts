import { describe, expect, test } from "bun:test";
import { Gate, ScriptedEngine } from "../../support/scripted-engine.ts";
import { startSidecar } from "../../support/sidecar-server.ts";
import { StsClient } from "../../support/sts-client.ts";

const sequenceOf = (answers: { sequence_number: number }[]) =>
  answers.map((answer) => answer.sequence_number);

describe("2.6 ordering", () => {
  test("3, 2, 1, 0 in leaves as 0, 1, 2, 3", async () => {
    await using server = await startSidecar();
    using client = await StsClient.begin(server.url);
    for (const sequence of [3, 2, 1, 0]) client.fragment(sequence);
    expect(sequenceOf(await client.count("fragment:processed", 4))).toEqual([0, 1, 2, 3]);
  });

  test("(1) a fragment sent again after its answer gets an ack and the stored answer, undubbed", async () => {
    const engine = new ScriptedEngine();
    await using server = await startSidecar({}, { engine });
    using client = await StsClient.begin(server.url);
    client.fragment(0);
    const first = await client.next("fragment:processed");
    client.fragment(0);
    const answers = await client.count("fragment:processed", 2);
    expect(answers[1]).toEqual(first);
    expect(client.all("fragment:ack")).toHaveLength(2);
    expect(engine.requests).toHaveLength(1);
    expect(client.all("error")).toEqual([]);
  });

  test("(1) a fragment sent again while it is in work is acked, and answered once", async () => {
    const gate = new Gate();
    await using server = await startSidecar({}, { engine: new ScriptedEngine(gate.script) });
    using client = await StsClient.begin(server.url);
    client.fragment(0);
    client.fragment(0);
    await client.count("fragment:ack", 2);
    await gate.pass();
    client.fragment(1);
    await gate.pass();
    expect(sequenceOf(await client.count("fragment:processed", 2))).toEqual([0, 1]);
    expect(client.all("error")).toEqual([]);
  });

  test("(1) only the last max_inflight answers are kept", async () => {
    await using server = await startSidecar({}, { engine: new ScriptedEngine() });
    using client = await StsClient.begin(server.url, { max_inflight: 2 });
    for (const sequence of [0, 1, 2]) client.fragment(sequence);
    await client.count("fragment:processed", 3);
    client.fragment(1);
    await client.count("fragment:processed", 4);
    client.fragment(0);
    expect(await client.next("error")).toMatchObject({
      code: "INVALID_SEQUENCE",
      fragment_id: "fragment-0",
    });
  });

  test("(2) a repeated number with a new id is INVALID_SEQUENCE with expected and got", async () => {
    await using server = await startSidecar();
    using client = await StsClient.begin(server.url);
    client.fragment(0);
    client.fragment(1);
    await client.count("fragment:processed", 2);
    client.fragment(1, { fragment_id: "another" });
    const error = await client.next("error");
    expect(error).toMatchObject({
      code: "INVALID_SEQUENCE",
      retryable: false,
      fragment_id: "another",
      metadata: { expected: 2, got: 1 },
      details: { expected: 2, got: 1 },
    });
  });

  test("(3) a hole older than timeout_ms is told once, and the session goes on past it", async () => {
    await using server = await startSidecar();
    using client = await StsClient.begin(server.url, { timeout_ms: 1000 });
    for (const sequence of [0, 3, 4]) client.fragment(sequence);
    expect(sequenceOf(await client.count("fragment:processed", 3))).toEqual([0, 3, 4]);
    const errors = client.all("error");
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({
      code: "INVALID_SEQUENCE",
      metadata: { expected: 1, got: 3 },
    });
    client.fragment(1);
    expect(await client.next("error", (one) => one.fragment_id === "fragment-1")).toMatchObject({
      code: "INVALID_SEQUENCE",
      metadata: { expected: 5, got: 1 },
    });
  });

  test("(3) a hole that is filled in time costs nothing", async () => {
    await using server = await startSidecar();
    using client = await StsClient.begin(server.url, { timeout_ms: 1000 });
    client.fragment(1);
    await client.next("fragment:ack");
    client.fragment(0);
    expect(sequenceOf(await client.count("fragment:processed", 2))).toEqual([0, 1]);
    expect(client.all("error")).toEqual([]);
  });

  test("(4) a refused fragment uses up no number", async () => {
    await using server = await startSidecar();
    using client = await StsClient.begin(server.url);
    client.fragment(0);
    client.send("stream:pause", {});
    client.fragment(1, { fragment_id: "refused" });
    await client.next("error");
    client.send("stream:resume", {});
    client.fragment(1);
    expect(sequenceOf(await client.count("fragment:processed", 2))).toEqual([0, 1]);
  });

  test("(5) a session may begin above 0 within 32, the lower numbers count as a hole", async () => {
    await using server = await startSidecar();
    using client = await StsClient.begin(server.url, { timeout_ms: 1000 });
    client.fragment(32);
    expect(await client.next("fragment:processed")).toMatchObject({ sequence_number: 32 });
    expect(client.all("error")[0]).toMatchObject({ metadata: { expected: 0, got: 32 } });
  });

  test("(5) a session may not begin above 32", async () => {
    await using server = await startSidecar();
    using client = await StsClient.begin(server.url);
    client.fragment(33);
    expect(await client.next("error")).toMatchObject({
      code: "INVALID_SEQUENCE",
      metadata: { expected: 0, got: 33 },
    });
    client.fragment(0);
    await client.next("fragment:processed");
  });

  test("a slow fragment holds the fast ones behind it, and the time is told as held_ms", async () => {
    const gate = new Gate();
    const slowFirst = new ScriptedEngine((request, signal) =>
      request.fragmentId === "fragment-0" ? gate.script(request, signal) : {},
    );
    await using server = await startSidecar({}, { engine: slowFirst });
    using client = await StsClient.begin(server.url, { config: { pacing: "live" } });
    client.fragment(0);
    client.fragment(1, { audio: { data_base64: "!" } }); // fails at once, and has to wait
    await gate.reached(1);
    await Bun.sleep(100); // a time that can be told from none
    await gate.pass();
    const answers = await client.count("fragment:processed", 2);
    expect(sequenceOf(answers)).toEqual([0, 1]);
    expect(answers[1].held_ms).toBeGreaterThanOrEqual(90);
    expect(answers[1].processing_time_ms).toBeLessThan(90);
  });

  test("after a disconnect nothing of the session is left: in-flight work is dropped", async () => {
    const gate = new Gate();
    let aborted = 0;
    const engine = new ScriptedEngine((request, signal) => {
      signal.addEventListener("abort", () => aborted++);
      return gate.script(request, signal);
    });
    await using server = await startSidecar({}, { engine });
    const client = await StsClient.begin(server.url);
    client.fragment(0);
    await gate.reached(1);
    client.socket.disconnect();
    using again = await StsClient.begin(server.url);
    again.fragment(0, { fragment_id: "new" });
    await gate.pass(2);
    expect(await again.next("fragment:processed")).toMatchObject({ fragment_id: "new" });
    expect(aborted).toBe(1);
  });
});
