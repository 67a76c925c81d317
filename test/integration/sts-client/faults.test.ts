import { afterEach, expect, test } from "bun:test";
import type { FragmentOutcome, OutgoingFragment } from "../../../src/sts/fragment.ts";
import { monotonicClock } from "../../../src/sts/clock.ts";
import { openClient } from "../../../src/sts/open-client.ts";
import type { StsClient } from "../../../src/sts/sts-client.ts";
import { ScriptedSidecar, type SidecarScript } from "./scripted-sidecar.ts";

/**
 * Faults over real sockets: whatever the sidecar does, every fragment ends in an answer or in its fallback
 * with the right reason, and the stream goes on.
 */
const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const owned of open.splice(0).toReversed()) await owned[Symbol.asyncDispose]();
});

function sidecar(script: SidecarScript, port = 0): ScriptedSidecar {
  const made = new ScriptedSidecar(script, port);
  open.push(made);
  return made;
}

interface Events {
  readonly codes: string[];
  until(code: string): Promise<void>;
}

function connect(
  url: string,
  changes: {
    key?: string;
    timeoutMs?: number;
    maxRetries?: number;
    firstReconnectMs?: number;
    /** Endpoints that stand before `url` in the list. */
    before?: string[];
  } = {},
): { client: StsClient; events: Events } {
  const codes: string[] = [];
  const waiting: { code: string; resolve: () => void }[] = [];
  const client = openClient({
    endpoints: [...(changes.before ?? []), url].map((one) => ({ url: one, key: changes.key })),
    protocol: "ws",
    wish: {
      streamId: "match",
      workerId: "worker-match",
      sourceLanguage: "en",
      targetLanguage: "pt",
      voice: "default",
      pacing: "live",
      chunkMs: 1000,
      maxInflight: 3,
      timeoutMs: 8000,
    },
    timeoutMs: changes.timeoutMs ?? 1000,
    maxRetries: changes.maxRetries ?? 0,
    breakerThreshold: 5,
    breakerOpenMs: 30_000,
    clock: monotonicClock,
    firstReconnectMs: changes.firstReconnectMs ?? 50,
    onEvent: (_level, code) => {
      codes.push(code);
      for (const one of waiting) if (one.code === code) one.resolve();
    },
  });
  client.start();
  open.push({ [Symbol.asyncDispose]: () => Promise.resolve(client.close()) });
  const until = (code: string) =>
    codes.includes(code)
      ? Promise.resolve()
      : new Promise<void>((resolve) => waiting.push({ code, resolve }));
  return { client, events: { codes, until } };
}

let count = 0;
function fragment(airsInMs = 5000): OutgoingFragment {
  const startSample = 48_000 * count++;
  return {
    fragmentId: crypto.randomUUID(),
    startSample,
    endSample: startSample + 48_000,
    durationMs: 1000,
    pcm: (rateHz) => new Uint8Array(new Int16Array(rateHz).map((_, i) => (i * 31) % 9000).buffer),
    airsAtMs: performance.now() + airsInMs,
  };
}

const reasonOf = (outcome: FragmentOutcome) =>
  outcome.kind === "failed" ? outcome.reason : outcome.answer.status;

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
