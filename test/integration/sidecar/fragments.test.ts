import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Gate, ScriptedEngine, engineFailure } from "../../support/scripted-engine.ts";
import { startSidecar, type TestSidecar } from "../../support/sidecar-server.ts";
import { fragmentMessage, pcm, StsClient } from "../../support/sts-client.ts";

let echo: TestSidecar;
beforeAll(async () => (echo = await startSidecar()));
afterAll(() => echo[Symbol.asyncDispose]());

describe("2.5 fragment:ack", () => {
  test("comes at once with queued, the queue position and a Unix time in ms", async () => {
    using client = await StsClient.begin(echo.url);
    const before = Date.now();
    client.fragment(0);
    const ack = await client.next("fragment:ack");
    expect(ack).toMatchObject({ fragment_id: "fragment-0", status: "queued", queue_position: 0 });
    expect(ack.timestamp).toBeGreaterThanOrEqual(before);
    expect(ack.timestamp).toBeLessThanOrEqual(Date.now());
  });

  test("does not wait for the work: it comes before a slow engine has begun to answer", async () => {
    const gate = new Gate();
    await using server = await startSidecar({}, { engine: new ScriptedEngine(gate.script) });
    using client = await StsClient.begin(server.url);
    client.fragment(0);
    client.fragment(1);
    const acks = await client.count("fragment:ack", 2);
    expect(acks.map((ack) => ack.queue_position)).toEqual([0, 1]);
    expect(client.all("fragment:processed")).toEqual([]);
    await gate.pass(2);
    await client.count("fragment:processed", 2);
  });

  test("the worker's own acks, for known and unknown fragments, are taken in silence", async () => {
    using client = await StsClient.begin(echo.url);
    client.send("fragment:ack", { fragment_id: "never-sent", status: "applied", timestamp: 1 });
    client.fragment(0);
    await client.next("fragment:processed");
    client.send("fragment:ack", { fragment_id: "fragment-0", status: "received", timestamp: null });
    client.fragment(1);
    await client.count("fragment:processed", 2);
    expect(client.all("error")).toEqual([]);
  });

  test("an ack without a session is ignored", async () => {
    using client = await StsClient.connect(echo.url);
    client.send("fragment:ack", { fragment_id: "x", status: "received" });
    await client.init();
    expect(client.all("error")).toEqual([]);
  });
});

describe("2.4 fragment:data that is refused by an error, and uses up no number", () => {
  for (const [what, payload] of [
    ["not an object", "fragment"],
    ["null", null],
    ["a list", [1, 2]],
    ["no fragment_id", fragmentMessage(0, { fragment_id: undefined })],
    ["an empty fragment_id", fragmentMessage(0, { fragment_id: "" })],
    ["fragment_id as a number", fragmentMessage(0, { fragment_id: 7 })],
    ["no stream_id", fragmentMessage(0, { stream_id: null })],
    ["no sequence_number", fragmentMessage(0, { sequence_number: undefined })],
    ["a negative sequence_number", fragmentMessage(0, { sequence_number: -1 })],
    ["a fraction as sequence_number", fragmentMessage(0, { sequence_number: 0.5 })],
    ["no timestamp", fragmentMessage(0, { timestamp: undefined })],
    ["no audio", { ...fragmentMessage(0), audio: undefined }],
    ["audio as text", { ...fragmentMessage(0), audio: "UklGRg==" }],
    ["no sample rate", fragmentMessage(0, { audio: { sample_rate_hz: undefined } })],
    ["a rate of 7 kHz", fragmentMessage(0, { audio: { sample_rate_hz: 7000 } })],
    ["3 channels", fragmentMessage(0, { audio: { channels: 3 } })],
    ["61 s", fragmentMessage(0, { audio: { duration_ms: 61_000 } })],
    ["no bytes", fragmentMessage(0, { audio: { data_base64: undefined } })],
    ["bytes as a number", fragmentMessage(0, { audio: { data_base64: 5 } })],
    ["metadata as text", fragmentMessage(0, { metadata: "x" })],
  ] as [string, unknown][])
    test(`MALFORMED_DATA: ${what}`, async () => {
      using client = await StsClient.begin(echo.url);
      client.send("fragment:data", payload);
      const error = await client.next("error");
      expect(error).toMatchObject({ code: "MALFORMED_DATA", retryable: false, severity: "error" });
      client.fragment(0);
      expect(await client.next("fragment:processed")).toMatchObject({ sequence_number: 0 });
    });

  test("STREAM_NOT_FOUND: no session yet", async () => {
    using client = await StsClient.connect(echo.url);
    client.fragment(0);
    const error = await client.next("error");
    expect(error).toMatchObject({ code: "STREAM_NOT_FOUND", fragment_id: "fragment-0" });
  });

  test("STREAM_NOT_FOUND: another stream than the session's", async () => {
    using client = await StsClient.begin(echo.url);
    client.fragment(0, { stream_id: "other" });
    const error = await client.next("error");
    expect(error).toMatchObject({ code: "STREAM_NOT_FOUND", fragment_id: "fragment-0" });
    client.fragment(0);
    await client.next("fragment:processed");
  });

  test("FRAGMENT_TOO_LARGE: more than 13 981 017 base64 characters; the connection stays", async () => {
    using client = await StsClient.begin(echo.url);
    const data_base64 = "A".repeat(13_981_020);
    client.fragment(0, { audio: { data_base64 } });
    const error = await client.next("error");
    expect(error).toMatchObject({ code: "FRAGMENT_TOO_LARGE", fragment_id: "fragment-0" });
    client.fragment(0);
    await client.next("fragment:processed");
  });

  test("FRAGMENT_TOO_LARGE: more than 10 MiB as an attachment", async () => {
    using client = await StsClient.begin(echo.url, { config: { binary_audio: true } });
    client.fragment(0, { audio: { data_base64: undefined, data: Buffer.alloc(10_485_761) } });
    expect(await client.next("error")).toMatchObject({ code: "FRAGMENT_TOO_LARGE" });
  });

  test("exactly 10 MiB is carried", async () => {
    using client = await StsClient.begin(echo.url, { config: { binary_audio: true } });
    const data_base64 = Buffer.alloc(10_485_760, 3).toString("base64");
    client.fragment(0, { audio: { data_base64, sample_rate_hz: 96_000, channels: 2 } });
    const answer = await client.next("fragment:processed");
    expect(answer.status).toBe("success");
    expect(answer.dubbed_audio.data.byteLength).toBe(10_485_760);
  });
});

describe("2.4 base64 is decoded strictly", () => {
  const good = pcm(0).toString("base64");
  for (const [what, data_base64] of [
    ["a space", `${good.slice(0, 100)} ${good.slice(101)}`],
    ["a line end", `${good}\n`],
    ["missing padding", good.replace(/=+$/, "").slice(0, -1)],
    ["padding in the middle", `AA==${good.slice(4)}`],
    ["the URL alphabet", `____${good.slice(4)}`],
  ] as [string, string][])
    test(`${what} is answered as failed INVALID_AUDIO_FORMAT, after the ack`, async () => {
      using client = await StsClient.begin(echo.url);
      client.fragment(0, { audio: { data_base64 } });
      const answer = await client.next("fragment:processed");
      expect(answer.status).toBe("failed");
      expect(answer.error).toMatchObject({
        code: "INVALID_AUDIO_FORMAT",
        stage: "asr",
        retryable: false,
      });
      expect(answer.dubbed_audio ?? null).toBeNull();
      expect(client.received.findIndex((one) => one.event === "fragment:ack")).toBeLessThan(
        client.received.findIndex((one) => one.event === "fragment:processed"),
      );
    });
});

describe("2.6 fragment:processed", () => {
  test("a dubbed fragment has every key of both families, as whole numbers", async () => {
    await using server = await startSidecar({}, { engine: new ScriptedEngine() });
    using client = await StsClient.begin(server.url);
    client.fragment(0);
    const answer = await client.next("fragment:processed");
    expect(answer).toMatchObject({
      fragment_id: "fragment-0",
      stream_id: "match",
      sequence_number: 0,
      status: "success",
      transcript: "said fragment-0",
      translated_text: "dito fragment-0",
      stage_timings: { asr_ms: 1, translation_ms: 2, tts_ms: 3 },
      metadata: {
        asr_model: "scripted-asr",
        translation_model: "scripted-mt",
        tts_model: "scripted-tts",
        gpu_utilization: null,
        original_duration_ms: 1000,
        dubbed_duration_ms: 1000,
        duration_variance_percent: 0,
        speed_ratio: 1,
      },
    });
    expect(Number.isInteger(answer.processing_time_ms)).toBe(true);
    const bytes = Buffer.from(answer.dubbed_audio.data_base64, "base64");
    expect(bytes.length).toBe(32_000);
    expect(answer.held_ms).toBeUndefined();
  });

  test("base protocol peers get no key of ours; peers that named an extension get held_ms", async () => {
    await using server = await startSidecar({}, { engine: new ScriptedEngine() });
    using client = await StsClient.begin(server.url, {
      config: { dub_sample_rate_hz: 24_000, dub_channels: 1 },
    });
    client.fragment(0, { metadata: { pts_ns: 5_000_000_000, source_pts_ns: 1, note: "kept" } });
    const answer = await client.next("fragment:processed");
    expect(answer.held_ms).toBe(0);
    expect(answer.speech_regions).toEqual([{ start_ms: 0, end_ms: 1000 }]);
    expect(answer.dubbed_audio).toMatchObject({ sample_rate_hz: 24_000, channels: 1 });
    expect(Buffer.from(answer.dubbed_audio.data_base64, "base64").length).toBe(48_000);
  });

  test("speech:false comes without bytes and is answered with silence of its length and empty texts", async () => {
    const engine = new ScriptedEngine();
    await using server = await startSidecar({}, { engine });
    using client = await StsClient.begin(server.url);
    client.fragment(0, { audio: { data_base64: undefined, speech: false, duration_ms: 1500 } });
    const answer = await client.next("fragment:processed");
    expect(answer).toMatchObject({ status: "success", transcript: "", translated_text: "" });
    const bytes = Buffer.from(answer.dubbed_audio.data_base64, "base64");
    expect(bytes.length).toBe(48_000);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(engine.requests[0]).toMatchObject({ speech: false, durationMs: 1500 });
  });

  test("a duration_ms that differs from the PCM is overruled by the bytes", async () => {
    await using server = await startSidecar({}, { engine: new ScriptedEngine() });
    using client = await StsClient.begin(server.url);
    client.fragment(0, { audio: { duration_ms: 4000 } });
    const answer = await client.next("fragment:processed");
    expect(answer.metadata.original_duration_ms).toBe(1000);
    expect(answer.dubbed_audio.duration_ms).toBe(1000);
  });

  for (const [excess, status, warnings] of [
    [50, "success", undefined],
    [150, "partial", ["duration_variance_high"]],
    [400, "partial", ["duration_variance_high", "duration_mismatch"]],
  ] as const)
    test(`a dub ${excess} ms longer than its second is ${status}, with its audio`, async () => {
      const engine = new ScriptedEngine(() => ({ dubbedDurationMs: 1000 + excess }));
      await using server = await startSidecar({}, { engine });
      using client = await StsClient.begin(server.url);
      client.fragment(0);
      const answer = await client.next("fragment:processed");
      expect(answer.status).toBe(status);
      expect(answer.metadata.warnings).toEqual(warnings);
      expect(Buffer.from(answer.dubbed_audio.data_base64, "base64").length).toBe(
        32 * (1000 + excess),
      );
    });

  test("a failure of the engine is answered with its code, stage, retryable and metadata", async () => {
    const engine = new ScriptedEngine(() => {
      throw engineFailure("TRANSLATION_API_UNAVAILABLE", {
        stage: "translation",
        metadata: { provider: "x" },
      });
    });
    await using server = await startSidecar({}, { engine });
    using client = await StsClient.begin(server.url);
    client.fragment(0);
    const answer = await client.next("fragment:processed");
    expect(answer.status).toBe("failed");
    expect(answer.error).toEqual({
      code: "TRANSLATION_API_UNAVAILABLE",
      message: "scripted TRANSLATION_API_UNAVAILABLE",
      stage: "translation",
      retryable: true,
      metadata: { provider: "x" },
    });
    expect(answer.stage_timings).toEqual({ asr_ms: 0, translation_ms: 0, tts_ms: 0 });
  });

  test("what is not finished after timeout_ms is failed TIMEOUT, and its late answer is dropped", async () => {
    const gate = new Gate();
    await using server = await startSidecar({}, { engine: new ScriptedEngine(gate.script) });
    using client = await StsClient.begin(server.url, { timeout_ms: 1000 });
    client.fragment(0);
    const answer = await client.next("fragment:processed");
    expect(answer.error).toMatchObject({ code: "TIMEOUT", retryable: true, stage: "asr" });
    expect(answer.processing_time_ms).toBeGreaterThanOrEqual(990);
    await gate.pass();
    client.fragment(1);
    await gate.pass();
    await client.next("fragment:processed", (one) => one.sequence_number === 1);
    expect(client.all("fragment:processed")).toHaveLength(2);
  });

  test("a TIMEOUT names the stage at which the fragment was", async () => {
    const engine = new ScriptedEngine(
      (_request, signal) =>
        new Promise((_resolve, reject) => {
          const failure = engineFailure("TIMEOUT", { stage: "tts" });
          signal.addEventListener("abort", () => reject(failure));
        }),
    );
    await using server = await startSidecar({}, { engine });
    using client = await StsClient.begin(server.url, { timeout_ms: 1000 });
    client.fragment(0);
    expect((await client.next("fragment:processed")).error).toMatchObject({
      code: "TIMEOUT",
      stage: "tts",
      retryable: true,
    });
  });

  test("pacing file has no timeout", async () => {
    const gate = new Gate();
    const engine = new ScriptedEngine(gate.script);
    await using server = await startSidecar({}, { engine });
    using client = await StsClient.begin(server.url, {
      timeout_ms: 1000,
      config: { pacing: "file" },
    });
    client.fragment(0);
    await gate.reached(1);
    await Bun.sleep(1200); // longer than the timeout that does not apply
    expect(client.all("fragment:processed")).toEqual([]);
    expect(engine.requests[0]).toMatchObject({ file: true });
    await gate.pass();
    expect(await client.next("fragment:processed")).toMatchObject({ status: "success" });
  });

  test("an empty translation is answered with silence, or with the original by FALLBACK_MODE", async () => {
    const levels: number[] = [];
    for (const FALLBACK_MODE of ["silence", "original"]) {
      const engine = new ScriptedEngine(() => ({
        translatedText: "",
        audio: new Float32Array(24_000),
      }));
      await using server = await startSidecar({ FALLBACK_MODE }, { engine });
      using client = await StsClient.begin(server.url);
      client.fragment(0);
      const answer = await client.next("fragment:processed");
      const bytes = Buffer.from(answer.dubbed_audio.data_base64, "base64");
      levels.push(Math.max(...new Int16Array(new Uint8Array(bytes).buffer)));
    }
    expect(levels[0]).toBe(0);
    expect(levels[1]).toBeGreaterThan(2000);
  });
});

describe("2.3 binary_audio", () => {
  test("bytes travel as attachments in both directions, exactly", async () => {
    using client = await StsClient.begin(echo.url, { config: { binary_audio: true } });
    client.fragment(0, { audio: { data_base64: undefined, data: pcm(0) } });
    const answer = await client.next("fragment:processed");
    expect(answer.dubbed_audio.data_base64).toBeUndefined();
    expect(Buffer.from(answer.dubbed_audio.data).equals(pcm(0))).toBe(true);
  });

  test("base64 is still taken in such a session, and by polling too", async () => {
    using client = await StsClient.begin(
      echo.url,
      { config: { binary_audio: true } },
      { transports: ["polling"] },
    );
    client.fragment(0);
    client.fragment(1, { audio: { data_base64: undefined, data: pcm(1) } });
    const answers = await client.count("fragment:processed", 2);
    expect(Buffer.from(answers[0].dubbed_audio.data).equals(pcm(0))).toBe(true);
    expect(Buffer.from(answers[1].dubbed_audio.data).equals(pcm(1))).toBe(true);
  });

  test("a session without it gets base64, even for a fragment that came as an attachment", async () => {
    using client = await StsClient.begin(echo.url);
    client.fragment(0, { audio: { data_base64: undefined, data: pcm(0) } });
    const answer = await client.next("fragment:processed");
    expect(answer.dubbed_audio.data_base64).toBe(pcm(0).toString("base64"));
  });
});
