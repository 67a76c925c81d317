import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ScriptedEngine } from "../../support/scripted-engine.ts";
import { startSidecar, type TestSidecar } from "../../support/sidecar-server.ts";
import { StsClient } from "../../support/sts-client.ts";

let echo: TestSidecar;
let real: TestSidecar;
const engine = new ScriptedEngine();

beforeAll(async () => {
  echo = await startSidecar();
  real = await startSidecar({ MAX_INFLIGHT: "4", MAX_CONCURRENT_STREAMS: "2" }, { engine });
});
afterAll(async () => {
  await echo[Symbol.asyncDispose]();
  await real[Symbol.asyncDispose]();
});

const released = {
  source_language: "en",
  target_language: "pt",
  voice_profile: "default",
  chunk_duration_ms: 6000,
  sample_rate_hz: 48_000,
  channels: 2,
  format: "m4a",
};

describe("2.2 stream:init is understood", () => {
  for (const [what, init] of [
    ["an empty config", { config: {} }],
    ["the released worker's config", { config: released }],
    [
      "null for every optional key",
      { config: { format: null, channels: null }, max_inflight: null, timeout_ms: null },
    ],
    ["unknown keys", { config: { ...released, mood: "gay" }, playout: { delay: 3 } }],
    ["numbers as text", { config: { channels: "2", sample_rate_hz: "48000" }, max_inflight: "3" }],
    ["integral floats", { config: { channels: 2.0 }, timeout_ms: 8000.0 }],
    [
      "chunks of 30 s and a timeout of 120 s",
      { config: { chunk_duration_ms: 30_000 }, timeout_ms: 120_000 },
    ],
    [
      "the extreme values",
      {
        config: { chunk_duration_ms: 100, sample_rate_hz: 96_000, channels: 1 },
        max_inflight: 10,
        timeout_ms: 1000,
      },
    ],
    ["domain hints", { config: { domain_hints: ["sports", "news"] } }],
    [
      "keys of extensions that are not built",
      {
        config: {
          playout_delay_ms: 6000,
          glossary: [{ source: "a", target: "b" }],
          target_languages: ["es"],
        },
      },
    ],
  ] as [string, Record<string, unknown>][])
    test(what, async () => {
      using client = await StsClient.begin(echo.url, { stream_id: what, ...init });
      expect(client.all("error")).toEqual([]);
    });
});

describe("2.2 stream:init is refused with INVALID_CONFIG, and a corrected one may follow", () => {
  for (const [what, init] of [
    ["no stream_id", { stream_id: undefined }],
    ["an empty stream_id", { stream_id: "" }],
    ["no config", { config: undefined }],
    ["config as a list", { config: [] }],
    ["keys of config at top level", { config: undefined, ...released }],
    ["a fraction for a whole number", { max_inflight: 2.5 }],
    ["a fraction as text", { max_inflight: "2.5" }],
    ["a word for a number", { config: { channels: "two" } }],
    ["true for a number", { max_inflight: true }],
    ["max_inflight 0", { max_inflight: 0 }],
    ["max_inflight 11", { max_inflight: 11 }],
    ["timeout_ms 999", { timeout_ms: 999 }],
    ["timeout_ms 120001", { timeout_ms: 120_001 }],
    ["3 channels", { config: { channels: 3 } }],
    ["7999 Hz", { config: { sample_rate_hz: 7999 } }],
    ["96001 Hz", { config: { sample_rate_hz: 96_001 } }],
    ["a chunk of 99 ms", { config: { chunk_duration_ms: 99 } }],
    ["a language of one letter", { config: { source_language: "e" } }],
    ["a language of 11 letters", { config: { target_language: "abcdefghijk" } }],
    ["a list instead of an object", null],
  ] as [string, Record<string, unknown> | null][])
    test(what, async () => {
      using client = await StsClient.connect(echo.url);
      const base = { stream_id: what, worker_id: "w", config: {} };
      client.send("stream:init", init === null ? ["stream"] : { ...base, ...init });
      const error = await client.next("error");
      expect(error).toMatchObject({ code: "INVALID_CONFIG", severity: "error", retryable: false });
      expect(error.message).toContain("stream:init");
      await client.init({ stream_id: what });
    });
});

describe("2.3 stream:ready", () => {
  test("confirms stream, a new UUID session, and capabilities as an object", async () => {
    using client = await StsClient.begin(echo.url, { stream_id: "ready", max_inflight: 7 });
    const [ready] = client.all("stream:ready");
    expect(ready.stream_id).toBe("ready");
    expect(ready.session_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
    expect(ready.max_inflight).toBe(7);
    expect(ready.capabilities).toEqual({
      batch_processing: false,
      async_delivery: true,
      protocol: "1.0",
      formats: ["pcm_s16le", "pcm_f32le", "wav", "m4a", "m4a_aac", "aac"],
      extensions: ["speech", "binary_audio", "file"],
      binary_audio: true,
    });
  });

  test("a session that does not ask gets MAX_INFLIGHT", async () => {
    using client = await StsClient.begin(real.url, { stream_id: "ready-default" });
    expect(client.all("stream:ready")[0].max_inflight).toBe(4);
  });

  test("comes within a second when the models are warm", async () => {
    using client = await StsClient.connect(real.url);
    const sentAtMs = performance.now();
    await client.init({ stream_id: "soon" });
    expect(performance.now() - sentAtMs).toBeLessThan(1000);
  });
});

describe("2.2 languages and voices that nothing serves", () => {
  test("without a target the first one that can be served is taken", async () => {
    using client = await StsClient.begin(real.url, {
      stream_id: "first",
      config: { source_language: "pt-BR" },
    });
    client.fragment(0, { stream_id: "first" });
    await client.next("fragment:processed");
    expect(engine.requests.at(-1)).toMatchObject({ sourceLanguage: "pt-BR", targetLanguage: "en" });
  });

  test("a region is served by its language", async () => {
    using client = await StsClient.begin(real.url, {
      stream_id: "region",
      config: { source_language: "en-US", target_language: "pt-BR" },
    });
    expect(client.all("error")).toEqual([]);
  });

  test("another pair is UNSUPPORTED_LANGUAGE, with the pairs in metadata and details", async () => {
    using client = await StsClient.connect(real.url);
    client.send("stream:init", { stream_id: "zh", config: { target_language: "zh" } });
    const error = await client.next("error");
    expect(error).toMatchObject({
      code: "UNSUPPORTED_LANGUAGE",
      retryable: false,
      stream_id: "zh",
    });
    expect(error.metadata).toEqual({
      pairs: [
        ["en", "pt"],
        ["pt", "en"],
      ],
    });
    expect(error.details).toEqual(error.metadata);
  });

  test("an unknown voice is INVALID_VOICE_PROFILE; a voice of the package is taken", async () => {
    using client = await StsClient.connect(real.url);
    const config = { target_language: "pt", voice_profile: "elvis" };
    client.send("stream:init", { stream_id: "voice", config });
    expect(await client.next("error")).toMatchObject({ code: "INVALID_VOICE_PROFILE" });
    await client.init({ stream_id: "voice", config: { ...config, voice_profile: "pf_dora" } });
  });
});

describe("limits on sessions", () => {
  test("beyond MAX_CONCURRENT_STREAMS an init is RATE_LIMIT in real mode, until one ends", async () => {
    await using small = await startSidecar(
      { MAX_CONCURRENT_STREAMS: "1", AUTO_DISCONNECT_DELAY: "0" },
      { engine: new ScriptedEngine() },
    );
    using first = await StsClient.begin(small.url, { stream_id: "one" });
    using second = await StsClient.connect(small.url);
    second.send("stream:init", { stream_id: "two", config: {} });
    expect(await second.next("error")).toMatchObject({ code: "RATE_LIMIT", retryable: true });
    first.send("stream:end", {});
    await first.next("stream:complete");
    await second.init({ stream_id: "two" });
  });

  test("echo mode has no such limit", async () => {
    await using small = await startSidecar({ MAX_CONCURRENT_STREAMS: "1" });
    const clients = await Promise.all(
      Array.from({ length: 10 }, (_, i) => StsClient.begin(small.url, { stream_id: `s${i}` })),
    );
    for (const client of clients) client[Symbol.dispose]();
  });

  test("before the models are warm an init is refused as retryable, and health says starting", async () => {
    await using cold = await startSidecar({}, { engine: new ScriptedEngine(), warm: false });
    using client = await StsClient.connect(cold.url);
    client.send("stream:init", { stream_id: "early", config: {} });
    expect(await client.next("error")).toMatchObject({
      code: "TEMPORARY_UNAVAILABLE",
      retryable: true,
    });
    await cold.service.warm();
    await client.init({ stream_id: "early" });
  });

  test("a connection without a session is closed when it stays idle; one with a session is not", async () => {
    await using strict = await startSidecar({}, { idleLimitMs: 150 });
    using idle = await StsClient.connect(strict.url);
    using busy = await StsClient.begin(strict.url, { stream_id: "busy" });
    expect(await idle.next("disconnect")).toBe("io server disconnect");
    busy.fragment(0, { stream_id: "busy" });
    await busy.next("fragment:processed");
  });
});
