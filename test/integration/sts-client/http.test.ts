import { afterEach, expect, test } from "bun:test";
import { monotonicClock } from "../../../src/sts/clock.ts";
import type { FragmentOutcome, OutgoingFragment } from "../../../src/sts/fragment.ts";
import { openClient } from "../../../src/sts/open-client.ts";
import type { StsClient } from "../../../src/sts/sts-client.ts";

/** The HTTP contract over a real server: one request a fragment. */
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

interface ProcessBody {
  fragment_id: string;
  sequence_number: number;
  audio: { data_base64: string; sample_rate_hz: number; channels: number; format: string };
  config: Record<string, string>;
  timeout_ms: number;
}

type Answer = (body: ProcessBody, request: Request) => Response | Promise<Response>;

function serve(answer: Answer, port = 0) {
  const requests: { body: ProcessBody; headers: Headers }[] = [];
  const state = { answer, health: { status: "healthy", mode: "real" } };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    async fetch(request): Promise<Response> {
      const { pathname } = new URL(request.url);
      if (pathname === "/health") return Response.json(state.health);
      if (pathname !== "/api/v1/sts/process") return new Response("no", { status: 404 });
      const body = (await request.json()) as ProcessBody;
      requests.push({ body, headers: request.headers });
      return state.answer(body, request);
    },
  });
  open.push(() => server.stop(true));
  return { server, state, requests, url: `http://127.0.0.1:${server.port}/api/v1/sts` };
}

function connect(
  url: string,
  key?: string,
): { client: StsClient; until: (code: string) => Promise<void> } {
  const codes: string[] = [];
  const waiting: { code: string; resolve: () => void }[] = [];
  const client = openClient({
    endpoints: [{ url, key }],
    protocol: "ws", // the URL's path wins
    wish: {
      streamId: "match",
      workerId: "w",
      sourceLanguage: "en",
      targetLanguage: "pt",
      voice: "default",
      pacing: "live",
      chunkMs: 1000,
      maxInflight: 3,
      timeoutMs: 8000,
    },
    timeoutMs: 1000,
    maxRetries: 1,
    breakerThreshold: 5,
    breakerOpenMs: 30_000,
    clock: monotonicClock,
    firstReconnectMs: 50,
    onEvent: (_level, code) => {
      codes.push(code);
      for (const one of waiting) if (one.code === code) one.resolve();
    },
  });
  client.start();
  open.push(() => client.close());
  const until = (code: string) =>
    codes.includes(code)
      ? Promise.resolve()
      : new Promise<void>((resolve) => waiting.push({ code, resolve }));
  return { client, until };
}

function fragment(): OutgoingFragment {
  return {
    fragmentId: crypto.randomUUID(),
    startSample: 0,
    endSample: 48_000,
    durationMs: 1000,
    pcm: (rateHz) => new Uint8Array(new Int16Array(rateHz).map((_, i) => i % 1000).buffer),
    airsAtMs: performance.now() + 5000,
  };
}

const success: Answer = (body) =>
  Response.json({
    fragment_id: body.fragment_id,
    status: "success",
    dubbed_audio: body.audio,
    transcript: "one",
    translated_text: "um",
    processing_time_ms: 3,
    metadata: { asr_model: "whisper-base", translation_model: "m", tts_model: "k" },
  });
const failing =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  () =>
    Response.json(body, { status, headers });
const reasonOf = (outcome: FragmentOutcome) =>
  outcome.kind === "failed" ? outcome.reason : outcome.answer.status;

test("a fragment is one request by the contract, and its answer the dub", async () => {
  const { requests, url } = serve(success);
  const { client, until } = connect(url, "secret");
  await until("sts-ready");
  const one = fragment();
  const outcome = await client.submit(one);
  expect(outcome).toMatchObject({
    kind: "answered",
    answer: { transcript: "one", translatedText: "um" },
  });
  expect(requests[0]!.body).toMatchObject({
    fragment_id: one.fragmentId,
    sequence_number: 0,
    audio: { format: "pcm_s16le", sample_rate_hz: 48_000, channels: 1 },
    config: { source_language: "en", target_language: "pt", voice_profile: "default" },
    timeout_ms: 8000,
  });
  expect(requests[0]!.body.audio.data_base64).toBe(Buffer.from(one.pcm(48_000)).toString("base64"));
  expect(requests[0]!.headers.get("authorization")).toBe("Bearer secret");
});

test.each([
  ["400 INVALID_INPUT", failing(400, error("INVALID_INPUT", false)), "invalid_input", 1],
  ["413 without a body of ours", failing(413, {}), "fragment_too_large", 1],
  ["504 TIMEOUT, tried once more", failing(504, error("TIMEOUT", true)), "timeout", 2],
  ["500 MODEL_ERROR, tried once more", failing(500, error("MODEL_ERROR", true)), "model_error", 2],
  ["503 while busy", failing(503, "busy"), "temporary_unavailable", 1],
  ["200 with rubbish", failing(200, { nonsense: true }), "invalid_output", 1],
] as const)("%s falls back", async (_name, answer, reason, tries) => {
  const { requests, url } = serve(answer);
  const { client, until } = connect(url);
  await until("sts-ready");
  expect(reasonOf(await client.submit(fragment()))).toBe(reason);
  expect(requests).toHaveLength(tries);
});

test("429 slows down by Retry-After", async () => {
  const { url } = serve(failing(429, error("RATE_LIMIT", true), { "retry-after": "7" }));
  const { client, until } = connect(url);
  await until("sts-ready");
  expect(reasonOf(await client.submit(fragment()))).toBe("rate_limit");
  expect(client.counters.get("backpressure_slow_down")).toBe(1);
});

test("401 is a refusal with the remedy", async () => {
  const { url } = serve(failing(401, { error: { code: "AUTH_FAILED" } }));
  const { client, until } = connect(url, "wrong");
  await until("sts-ready");
  expect(reasonOf(await client.submit(fragment()))).toBe("disconnected");
  expect(client.state).toBe("refused");
  expect(client.lastError).toContain("WORKER_STS_API_KEY");
});

test("a request that hangs is given up after the timeout", async () => {
  const aborted = Promise.withResolvers<void>();
  const { url } = serve((_body, request) => {
    request.signal.addEventListener("abort", () => aborted.resolve());
    return new Promise<Response>(() => {});
  });
  const { client, until } = connect(url);
  await until("sts-ready");
  expect(reasonOf(await client.submit({ ...fragment(), airsAtMs: performance.now() + 1800 }))).toBe(
    "timeout",
  );
  await aborted.promise; // the server is told, and may stop working on it
});

test("a server that dies is waited for, and used again", async () => {
  const first = serve(success);
  const { client, until } = connect(first.url);
  await until("sts-ready");
  const port = first.server.port ?? 0;
  await first.server.stop(true);
  expect(reasonOf(await client.submit(fragment()))).toBe("disconnected");
  serve(success, port);
  expect(reasonOf(await client.submit(fragment()))).toBe("success");
  expect(client.reconnects).toBe(1);
});

function error(code: string, retryable: boolean) {
  return { fragment_id: "x", status: "error", error: { code, message: code, retryable } };
}
