import { afterEach, expect, test } from "bun:test";
import { closeAll, connect, fragment, reasonOf, sidecar } from "./connected-client.ts";

/**
 * Faults over real sockets: whatever the sidecar does, every fragment ends in an answer or in its fallback
 * with the right reason, and the stream goes on.
 */
afterEach(closeAll);

test("a sidecar that never answers costs the timeout, not the stream", async () => {
  const server = sidecar({ onFragment: () => {} });
  const { client, events } = connect(server.url, { timeoutMs: 1000 });
  await events.until("sts-ready");
  const started = performance.now();
  expect(reasonOf(await client.submit(fragment()))).toBe("timeout");
  expect(performance.now() - started).toBeGreaterThan(950);
  server.script = {};
  expect(reasonOf(await client.submit(fragment()))).toBe("success");
});

test("an answer after the air time is a missed deadline, and its late arrival is counted", async () => {
  let answer = () => {};
  const server = sidecar({ onFragment: (_socket, _fragment, echo) => (answer = () => echo()) });
  const { client, events } = connect(server.url, { timeoutMs: 5000 });
  await events.until("sts-ready");
  expect(reasonOf(await client.submit(fragment(600)))).toBe("deadline");
  answer();
  server.script = {};
  expect(reasonOf(await client.submit(fragment()))).toBe("success");
  expect(client.counters.get("late_answers")).toBe(1);
});

test("garbled answers are dropped and counted; what they were for falls back", async () => {
  const garbage: unknown[] = [
    "text",
    null,
    { fragment_id: 7 },
    { fragment_id: "x", sequence_number: 0, status: "splendid" },
  ];
  const server = sidecar({
    onFragment: (socket, one) => {
      for (const nonsense of garbage) socket.emit("fragment:processed", nonsense);
      socket.emit("error", "no object");
      socket.emit("backpressure", { action: 5 });
      socket.emit("fragment:processed", {
        fragment_id: one.fragment_id,
        sequence_number: one.sequence_number,
        status: "success",
        transcript: "words",
      });
    },
  });
  const { client, events } = connect(server.url);
  await events.until("sts-ready");
  expect(reasonOf(await client.submit(fragment()))).toBe("invalid_output");
  expect(client.counters.get("errors_sts_invalid_output")).toBe(garbage.length);
  expect(client.state).toBe("ready");
});

test("an answer given twice counts once", async () => {
  const server = sidecar({
    onFragment: (_socket, _fragment, echo) => {
      echo();
      echo();
    },
  });
  const { client, events } = connect(server.url);
  await events.until("sts-ready");
  expect(reasonOf(await client.submit(fragment()))).toBe("success");
  expect(reasonOf(await client.submit(fragment()))).toBe("success");
  expect(client.counters.get("duplicate_answers")).toBeGreaterThanOrEqual(1);
  expect(client.counters.get("fragments_success")).toBe(2);
});

test("a failed answer falls back with the server's code", async () => {
  const server = sidecar({
    onFragment: (_socket, _fragment, echo) =>
      echo({
        status: "failed",
        dubbed_audio: null,
        error: { code: "ASR_FAILED", message: "no", stage: "asr", retryable: true },
      }),
  });
  const { client, events } = connect(server.url);
  await events.until("sts-ready");
  expect(reasonOf(await client.submit(fragment()))).toBe("asr_failed");
});

test("a fragment refused by an error event gives its number to the next one", async () => {
  const server = sidecar({
    onFragment: (socket, one) =>
      socket.emit("error", {
        code: "STREAM_PAUSED",
        message: "paused",
        retryable: true,
        fragment_id: one.fragment_id,
      }),
  });
  const { client, events } = connect(server.url);
  await events.until("sts-ready");
  expect(reasonOf(await client.submit(fragment()))).toBe("stream_paused");
  server.script = {};
  expect(reasonOf(await client.submit(fragment()))).toBe("success");
  expect(server.fragments.map((one) => one.sequence_number)).toEqual([0, 0]);
});

test("a cut connection makes what is in flight fall back at once, then a new session opens at 0", async () => {
  const server = sidecar({ onFragment: () => {} });
  const { client, events } = connect(server.url, { timeoutMs: 8000 });
  await events.until("sts-ready");
  const inFlight = client.submit(fragment());
  await server.until(() => server.fragments.length === 1);
  const cutAt = performance.now();
  server.drop();
  expect(reasonOf(await inFlight)).toBe("disconnected");
  expect(performance.now() - cutAt).toBeLessThan(1000);
  server.script = {};
  await server.until(() => server.inits.length === 2);
  expect(reasonOf(await client.submit(fragment()))).toBe("success");
  expect(server.fragments.at(-1)!.sequence_number).toBe(0);
  expect(client.reconnects).toBe(1);
});

test("a session that the server drops with STREAM_NOT_FOUND is opened again", async () => {
  const server = sidecar({
    onFragment: (socket) =>
      socket.emit("error", { code: "STREAM_NOT_FOUND", message: "replaced", retryable: false }),
  });
  const { client, events } = connect(server.url);
  await events.until("sts-ready");
  expect(reasonOf(await client.submit(fragment()))).toBe("disconnected");
  server.script = {};
  await server.until(() => server.inits.length === 2);
  expect(reasonOf(await client.submit(fragment()))).toBe("success");
});

test("the granted max_inflight is obeyed", async () => {
  const answers: (() => void)[] = [];
  const server = sidecar({
    maxInflight: 1,
    onFragment: (_socket, _fragment, echo) => answers.push(() => echo()),
  });
  const { client, events } = connect(server.url, { timeoutMs: 8000 });
  await events.until("sts-ready");
  const both = [client.submit(fragment()), client.submit(fragment())];
  await server.until(() => server.fragments.length === 1);
  expect(client.inflight).toBe(1);
  answers[0]!();
  await server.until(() => server.fragments.length === 2);
  answers[1]!();
  expect((await Promise.all(both)).map(reasonOf)).toEqual(["success", "success"]);
});
