import { afterEach, expect, test } from "bun:test";
import { closeAll, connect, fragment, reasonOf, sidecar } from "./connected-client.ts";
import { ScriptedSidecar } from "./scripted-sidecar.ts";

/** How sessions open, are refused, are found again, and end, over real sockets. */
afterEach(closeAll);

test("a whole session: init, binary fragments numbered from 0, acks, end, complete", async () => {
  const server = sidecar({
    health: { status: "healthy", mode: "real", pairs: [["en", "pt"]] },
    extensions: ["speech", "binary_audio"],
  });
  const { client, events } = connect(server.url, { key: "secret" });
  await events.until("sts-ready");
  const sent = [fragment(), fragment()];
  const outcomes = await Promise.all(sent.map((one) => client.submit(one)));
  expect(outcomes.map(reasonOf)).toEqual(["success", "success"]);
  expect(server.inits[0]).toMatchObject({
    init: { stream_id: "match", worker_id: "worker-match", max_inflight: 3 },
    headers: { "x-stream-id": "match", "x-worker-id": "worker-match" },
  });
  expect(server.fragments.map((one) => one.sequence_number)).toEqual([0, 1]);
  const [first] = server.fragments;
  expect(first!.audio).toMatchObject({ format: "pcm_s16le", sample_rate_hz: 16_000, channels: 1 });
  expect(Buffer.from(first!.audio.data!).equals(Buffer.from(sent[0]!.pcm(16_000)))).toBe(true);
  expect(first!.metadata.pts_ns).toBe((sent[0]!.startSample * 1e9) / 48_000);
  client.applied(sent[0]!.fragmentId);
  await server.until(() => server.acks.length === 3);
  expect(server.acks.filter(({ status }) => status === "applied")).toHaveLength(1);
  await client.end(5000);
  expect(client.state).toBe("disconnected");
});

test("a server without extensions gets base64 at 48 kHz, and no binary", async () => {
  const server = sidecar({ health: { status: 404 } });
  const { client, events } = connect(server.url);
  await events.until("sts-ready");
  const one = fragment();
  expect(reasonOf(await client.submit(one))).toBe("success");
  const { audio } = server.fragments[0]!;
  expect(audio).toMatchObject({ sample_rate_hz: 48_000, channels: 1 });
  expect(audio.data).toBeUndefined();
  expect(audio.data_base64).toBe(Buffer.from(one.pcm(48_000)).toString("base64"));
  expect(client.engine).toBe("echo"); // told by its model names alone
});

test("/ws/sts in the URL is the path of the handshake", async () => {
  const server = sidecar({ path: "/ws/sts/" });
  const { client, events } = connect(`${server.url}/ws/sts`);
  await events.until("sts-ready");
  expect(reasonOf(await client.submit(fragment()))).toBe("success");
});

test("a sidecar that is away is found when it comes", async () => {
  const gone = new ScriptedSidecar();
  const { port, url } = gone;
  await gone[Symbol.asyncDispose]();
  const { client, events } = connect(url);
  await events.until("sts-disconnected");
  expect(client.lastError).toContain("cannot be reached");
  expect(reasonOf(await client.submit(fragment(300)))).toBe("unavailable");
  sidecar({}, port);
  await events.until("sts-ready");
  expect(reasonOf(await client.submit(fragment()))).toBe("success");
});

test("of several sidecars the next is tried when one is away", async () => {
  const gone = new ScriptedSidecar();
  await gone[Symbol.asyncDispose]();
  const server = sidecar({});
  const { client, events } = connect(server.url, { before: [gone.url] });
  await events.until("sts-ready");
  expect(client.endpoint).toBe(`${server.url}/`);
  expect(reasonOf(await client.submit(fragment()))).toBe("success");
});

test("a sidecar that is warming up is asked again until it is ready", async () => {
  const server = sidecar({ health: { status: 503 } });
  const { client, events } = connect(server.url);
  await events.until("sts-disconnected");
  expect(client.lastError).toContain("is starting");
  expect(server.inits).toHaveLength(0);
  server.script = {};
  await events.until("sts-ready");
});

test("a wrong key is refused, said so with the remedy, and fragments fall back at once", async () => {
  const server = sidecar({ token: "right" });
  const { client, events } = connect(server.url, { key: "wrong" });
  await events.until("sts-refused");
  expect(client.state).toBe("refused");
  expect(client.lastError).toContain("WORKER_STS_API_KEY");
  expect(client.lastError).not.toContain("wrong");
  expect(reasonOf(await client.submit(fragment()))).toBe("refused");
});

test("a pair of languages that is not served is refused with the list", async () => {
  const server = sidecar({
    health: {
      status: "healthy",
      mode: "real",
      pairs: [
        ["en", "es"],
        ["pt", "en"],
      ],
    },
  });
  const { client, events } = connect(server.url);
  await events.until("sts-refused");
  expect(client.lastError).toContain("en→es, pt→en");
  expect(server.inits).toHaveLength(0);
});

test.each(["UNSUPPORTED_LANGUAGE", "INVALID_CONFIG", "INVALID_VOICE_PROFILE"])(
  "%s after stream:init is a refusal",
  async (code) => {
    const server = sidecar({
      onInit: (socket) =>
        socket.emit("error", { code, message: "no such thing", retryable: false }),
    });
    const { client, events } = connect(server.url);
    await events.until("sts-refused");
    expect(client.lastError).toContain(code);
  },
);

test("STREAM_BUSY is not a refusal: it is tried again, but not before 5 s", async () => {
  const server = sidecar({
    onInit: (socket) =>
      socket.emit("error", { code: "STREAM_BUSY", message: "another worker", retryable: true }),
  });
  const { client, events } = connect(server.url);
  await events.until("sts-disconnected");
  expect(client.state).toBe("disconnected");
  const refusedAt = performance.now();
  server.script = {};
  await server.until(() => server.inits.length === 2);
  expect(performance.now() - refusedAt).toBeGreaterThan(4900);
}, 15_000);

test("ending waits for stream:complete, and answers that come before it still count", async () => {
  const answers: (() => void)[] = [];
  const server = sidecar({
    onFragment: (_socket, _fragment, echo) => answers.push(() => echo()),
    onEnd: (socket) => {
      for (const answer of answers) answer();
      socket.emit("stream:complete", { stream_id: "match" });
    },
  });
  const { client, events } = connect(server.url, { timeoutMs: 8000 });
  await events.until("sts-ready");
  const pending = client.submit(fragment());
  await server.until(() => server.fragments.length === 1);
  await client.end(5000);
  expect(reasonOf(await pending)).toBe("success");
});

test("a server that never says stream:complete is left after the time given", async () => {
  const server = sidecar({ onEnd: () => {} });
  const { client, events } = connect(server.url);
  await events.until("sts-ready");
  const started = performance.now();
  await client.end(300);
  expect(performance.now() - started).toBeLessThan(1500);
  await server.until(() => server.sockets.size === 0);
});
