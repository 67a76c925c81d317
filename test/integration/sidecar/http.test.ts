import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Gate, ScriptedEngine, engineFailure } from "../../support/scripted-engine.ts";
import { ScriptedStagesEngine } from "../../support/scripted-stages.ts";
import { startSidecar, type TestSidecar } from "../../support/sidecar-server.ts";
import { fragmentMessage, pcm, StsClient } from "../../support/sts-client.ts";

const key = "a-key";
let real: TestSidecar;
const engine = new ScriptedEngine((request) => {
  if (request.fragmentId === "oom") throw engineFailure("GPU_OOM", { stage: "tts" });
  if (request.fragmentId === "full") throw engineFailure("QUEUE_FULL");
  if (request.fragmentId === "late") return new Promise(() => {});
  return {};
});
beforeAll(async () => (real = await startSidecar({ STS_API_KEY: key }, { engine })));
afterAll(() => real[Symbol.asyncDispose]());

function post(body: unknown, options: { key?: string | null; url?: string } = {}) {
  return fetch(`${options.url ?? real.url}/api/v1/sts/process`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(options.key !== null && { authorization: `Bearer ${options.key ?? key}` }),
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

// Answers are read as a foreign client would read them.
// oxlint-disable-next-line typescript/no-explicit-any
const json = async (response: Response): Promise<any> => response.json();

function request(changes: Record<string, unknown> = {}) {
  const { timestamp: _timestamp, ...fragment } = fragmentMessage(0);
  return { ...fragment, config: { source_language: "en", target_language: "pt" }, ...changes };
}

describe("3 health, ping, and what is not there", () => {
  test("health is 503 starting, and ping 204, until the models are warm", async () => {
    await using cold = await startSidecar({}, { engine: new ScriptedEngine(), warm: false });
    const health = await fetch(`${cold.url}/health`);
    expect(health.status).toBe(503);
    expect(await json(health)).toMatchObject({ status: "starting" });
    expect((await fetch(`${cold.url}/ping`)).status).toBe(204);
    await cold.service.warm();
    expect((await fetch(`${cold.url}/health`)).status).toBe(200);
    expect((await fetch(`${cold.url}/ping`)).status).toBe(200);
  });

  test("a warm server tells version, mode, engine, GPU and pairs, without a key", async () => {
    const health = await json(await fetch(`${real.url}/health`));
    expect(health).toMatchObject({
      status: "healthy",
      service: "livedub-sts",
      mode: "real",
      engine: "scripted",
      gpu_available: false,
      pairs: [
        ["en", "pt"],
        ["pt", "en"],
      ],
    });
    expect(health.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  test("an engine that is being mended is degraded, and still 200", async () => {
    const mended = new ScriptedEngine();
    await using server = await startSidecar({}, { engine: mended });
    mended.state = "degraded";
    const response = await fetch(`${server.url}/health`);
    expect(response.status).toBe(200);
    expect(await json(response)).toMatchObject({ status: "degraded" });
  });

  test("an engine that works by clauses tells what its stages cost, and cannot be kept from serving by that", async () => {
    const measured = new ScriptedStagesEngine([]);
    measured.figures = { passMs: 812.4, translateMs: 90, speakRtf: 0.61234, msPerCharacter: 70 };
    await using server = await startSidecar({}, { engine: measured });
    expect(await json(await fetch(`${server.url}/health`))).toMatchObject({
      costs: { pass_ms: 812, translation_ms: 90, synthesis_rtf: 0.612 },
    });
    const unmeasured = new ScriptedStagesEngine([]);
    unmeasured.measure = () => Promise.reject(engineFailure("TIMEOUT"));
    await using other = await startSidecar({}, { engine: unmeasured });
    const health = await json(await fetch(`${other.url}/health`));
    expect(health.status).toBe("healthy");
    expect(health.costs.pass_ms).toBeGreaterThan(0);
  });

  test("an engine that never became ready is 503 failed, and sessions are refused", async () => {
    const broken = new ScriptedEngine();
    broken.start = () => Promise.reject(new Error("no weights"));
    await using server = await startSidecar({}, { engine: broken, warm: false });
    await expect(server.service.warm()).rejects.toThrow("no weights");
    expect((await fetch(`${server.url}/health`)).status).toBe(503);
  });

  test("an echo says that it is one", async () => {
    await using echo = await startSidecar();
    expect(await json(await fetch(`${echo.url}/health`))).toMatchObject({
      mode: "echo",
      engine: "echo",
    });
  });

  for (const [method, path] of [
    ["GET", "/"],
    ["GET", "/api/v1/sts"],
    ["GET", "/api/v1/sts/process"],
    ["POST", "/v1/process"],
    ["DELETE", "/health"],
  ] as const)
    test(`${method} ${path} is 404 in JSON`, async () => {
      const response = await fetch(`${real.url}${path}`, { method });
      expect(response.status).toBe(404);
      expect(response.headers.get("content-type")).toContain("application/json");
    });
});

describe("4 POST /api/v1/sts/process", () => {
  test("dubs a fragment", async () => {
    const response = await post(request());
    expect(response.status).toBe(200);
    const answer = await json(response);
    expect(answer).toMatchObject({
      fragment_id: "fragment-0",
      status: "success",
      transcript: "said fragment-0",
      translated_text: "dito fragment-0",
      metadata: {
        asr_model: "scripted-asr",
        translation_model: "scripted-mt",
        tts_model: "scripted-tts",
      },
      dubbed_audio: { format: "pcm_s16le", sample_rate_hz: 16_000, channels: 1, duration_ms: 1000 },
    });
    expect(Number.isInteger(answer.processing_time_ms)).toBe(true);
    expect(Buffer.from(answer.dubbed_audio.data_base64, "base64").length).toBe(pcm(0).length);
  });

  test("without a format the audio is PCM, the one format of this contract", async () => {
    const { format: _format, ...audio } = request().audio;
    const answer = await json(await post(request({ audio })));
    expect(answer.dubbed_audio.format).toBe("pcm_s16le");
  });

  test("takes the key as X-API-Key too", async () => {
    const response = await fetch(`${real.url}/api/v1/sts/process`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": key },
      body: JSON.stringify(request()),
    });
    expect(response.status).toBe(200);
  });

  test("401 without the key, and with a wrong one", async () => {
    for (const shown of [null, "wrong"]) {
      const response = await post(request(), { key: shown });
      expect(response.status).toBe(401);
      expect(await json(response)).toMatchObject({ status: "error", error: { retryable: false } });
    }
  });

  for (const [what, body] of [
    ["no JSON", "{"],
    ["an empty object", {}],
    ["no fragment_id", request({ fragment_id: undefined })],
    ["no config", request({ config: undefined })],
    ["no audio", request({ audio: null })],
    ["a negative number", request({ sequence_number: -1 })],
    ["a timeout of 999 ms", request({ timeout_ms: 999 })],
    ["base64 that is none", request({ audio: { ...request().audio, data_base64: "a b c" } })],
    ["a format that is none", request({ audio: { ...request().audio, format: "opus" } })],
    ["a pair that nothing serves", request({ config: { target_language: "zh" } })],
  ] as [string, unknown][])
    test(`400 INVALID_INPUT: ${what}`, async () => {
      const response = await post(body);
      expect(response.status).toBe(400);
      const { status, error } = await json(response);
      expect(status).toBe("error");
      expect(error).toMatchObject({ code: "INVALID_INPUT", retryable: false });
      expect(error.message.length).toBeGreaterThan(5);
    });

  test("413: more than a fragment can hold", async () => {
    const response = await post(request({ padding: "x".repeat(14_100_000) }));
    expect(response.status).toBe(413);
    expect(await json(response)).toMatchObject({ error: { code: "INVALID_INPUT" } });
  });

  test("500 MODEL_ERROR, retryable: the engine failed", async () => {
    const response = await post(request({ fragment_id: "oom" }));
    expect(response.status).toBe(500);
    expect(await json(response)).toMatchObject({
      fragment_id: "oom",
      status: "error",
      error: { code: "MODEL_ERROR", retryable: true },
    });
  });

  test("504 TIMEOUT, retryable: not finished in time", async () => {
    const response = await post(request({ fragment_id: "late", timeout_ms: 1000 }));
    expect(response.status).toBe(504);
    expect(await json(response)).toMatchObject({ error: { code: "TIMEOUT", retryable: true } });
  });

  test("429 with Retry-After: the engine's queue is full", async () => {
    const response = await post(request({ fragment_id: "full" }));
    expect(response.status).toBe(429);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test("503 with Retry-After: beyond STS_MAX_WORKERS requests at a time", async () => {
    const gate = new Gate();
    const slow = new ScriptedEngine(gate.script);
    await using server = await startSidecar({ STS_MAX_WORKERS: "1" }, { engine: slow });
    const first = post(request(), { url: server.url });
    await gate.reached(1);
    const second = await post(request(), { url: server.url });
    expect(second.status).toBe(503);
    expect(second.headers.get("retry-after")).not.toBeNull();
    await gate.pass();
    expect((await first).status).toBe(200);
  });

  test("503: never served before the models are warm", async () => {
    await using cold = await startSidecar({}, { engine: new ScriptedEngine(), warm: false });
    expect((await post(request(), { url: cold.url })).status).toBe(503);
  });
});

describe("5.1 metrics", () => {
  const names = [
    "sts_fragment_processing_seconds",
    "sts_asr_duration_seconds",
    "sts_tts_duration_seconds",
    "sts_translation_duration_seconds",
    "sts_translation_cache_lookups_total",
    "sts_translation_cache_hit_ratio",
    "sts_fragments_in_flight",
    "sts_fragment_errors_total",
    "sts_sessions_active",
    "sts_gpu_utilization_percent",
    "sts_gpu_memory_used_bytes",
    "ws_connections_total",
    "ws_fragments_processed_total",
    "ws_errors_total",
    "ws_active_connections",
    "ws_active_streams",
    "ws_queue_depth",
    "ws_gpu_utilization_percent",
    "ws_fragment_processing_ms",
    "ws_queue_wait_time_ms",
    "ws_batch_size",
  ];
  const page = async (url: string) => (await fetch(`${url}/metrics`)).text();

  test("every name is on the page, in every mode, as Prometheus text", async () => {
    await using echo = await startSidecar();
    for (const url of [real.url, echo.url]) {
      const response = await fetch(`${url}/metrics`);
      expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      const text = await response.text();
      for (const name of names) expect(text).toContain(`# TYPE ${name} `);
    }
  });

  test("without a GPU its gauges have no sample", async () => {
    expect(await page(real.url)).not.toMatch(/^sts_gpu_utilization_percent \d/m);
  });

  test("the buckets of the contract exist", async () => {
    await using server = await startSidecar({}, { engine: new ScriptedEngine() });
    using client = await StsClient.begin(server.url);
    client.fragment(0);
    await client.next("fragment:processed");
    const text = await page(server.url);
    const buckets = (name: string) =>
      [...text.matchAll(new RegExp(`^${name}_bucket\\{le="([^"]+)"`, "gm"))].map(
        (match) => match[1],
      );
    for (const le of ["0.5", "1", "2", "4", "8", "16", "+Inf"]) {
      expect(buckets("sts_fragment_processing_seconds")).toContain(le);
      expect(buckets("sts_asr_duration_seconds")).toContain(le);
    }
    for (const le of ["0.1", "0.25", "0.5", "1", "2", "4", "+Inf"])
      expect(buckets("sts_translation_duration_seconds")).toContain(le);
  });

  test("a stream's series are there while it runs, and gone when it ends", async () => {
    await using server = await startSidecar();
    using client = await StsClient.begin(server.url, { stream_id: "counted" });
    const rules = [{ trigger: "sequence_number", value: 1, error_code: "TIMEOUT", stage: "asr" }];
    client.send("config:error_simulation", { enabled: true, rules });
    client.fragment(0, { stream_id: "counted" });
    client.fragment(1, { stream_id: "counted" });
    client.fragment(1, { stream_id: "counted", fragment_id: "again" });
    await client.count("fragment:processed", 2);
    await client.next("error");
    const during = await page(server.url);
    expect(during).toContain('sts_fragments_in_flight{stream_id="counted"} 0');
    expect(during).toContain(
      'sts_fragment_processing_seconds_count{status="success",stream_id="counted"} 1',
    );
    expect(during).toContain(
      'sts_fragment_errors_total{stream_id="counted",stage="asr",error_code="TIMEOUT"} 1',
    );
    expect(during).toContain(
      'ws_errors_total{stream_id="counted",error_code="INVALID_SEQUENCE"} 1',
    );
    expect(during).toMatch(/^sts_sessions_active 1$/m);
    expect(during).toMatch(/^ws_active_connections 1$/m);
    client.send("stream:end");
    await client.next("stream:complete");
    const after = await page(server.url);
    expect(after).not.toContain("counted");
    expect(after).toMatch(/^sts_sessions_active 0$/m);
  });

  test("the time that fragments wait for the engine is measured", async () => {
    const gate = new Gate();
    await using server = await startSidecar({}, { engine: new ScriptedEngine(gate.script) });
    using client = await StsClient.begin(server.url, { stream_id: "waits" });
    client.fragment(0, { stream_id: "waits" });
    client.fragment(1, { stream_id: "waits" });
    await gate.reached(1);
    await Bun.sleep(60); // the second one waits at least this long
    await gate.pass(2);
    await client.count("fragment:processed", 2);
    const sum = /^ws_queue_wait_time_ms_sum\{stream_id="waits"\} (.*)$/m.exec(
      await page(server.url),
    );
    expect(Number(sum?.[1])).toBeGreaterThanOrEqual(55);
  });

  test("METRICS_PORT opens a second listener that serves nothing else", async () => {
    const free = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const port = free.port;
    await free.stop(true);
    await using server = await startSidecar({ METRICS_PORT: String(port) });
    expect(await page(`http://127.0.0.1:${port}`)).toContain("sts_sessions_active");
    expect(await page(server.url)).toContain("sts_sessions_active");
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(404);
  });
});
