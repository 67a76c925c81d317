import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ScriptedEngine } from "../../support/scripted-engine.ts";
import { startSidecar, type TestSidecar } from "../../support/sidecar-server.ts";
import { pcm, StsClient } from "../../support/sts-client.ts";

let echo: TestSidecar;
beforeAll(async () => (echo = await startSidecar({ ECHO_PROCESSING_DELAY_MS: "30" })));
afterAll(() => echo[Symbol.asyncDispose]());

describe("2.12 echo mode", () => {
  test("gives the audio back byte for byte, with texts and models that say what it is", async () => {
    using client = await StsClient.begin(echo.url);
    client.fragment(0, { audio: { format: "m4a", sample_rate_hz: 48_000, channels: 2 } });
    const answer = await client.next("fragment:processed");
    expect(answer).toMatchObject({
      status: "success",
      transcript: "[ECHO] Original audio (seq=0)",
      translated_text: "[ECHO] Audio original (seq=0)",
      metadata: { asr_model: "echo-mock", translation_model: "echo-mock", tts_model: "echo-mock" },
    });
    expect(answer.dubbed_audio).toEqual({
      format: "m4a",
      sample_rate_hz: 48_000,
      channels: 2,
      duration_ms: 1000,
      data_base64: pcm(0).toString("base64"),
    });
    const { asr_ms, translation_ms, tts_ms } = answer.stage_timings;
    expect([asr_ms, translation_ms]).toEqual([tts_ms, tts_ms]);
    expect(asr_ms).toBeGreaterThanOrEqual(9);
    expect(answer.processing_time_ms).toBeGreaterThanOrEqual(29);
  });

  test("handles fragments at the same time, and emits them in order", async () => {
    using client = await StsClient.begin(echo.url);
    const startedAtMs = performance.now();
    for (let sequence = 0; sequence < 20; sequence++) client.fragment(sequence);
    const answers = await client.count("fragment:processed", 20);
    expect(performance.now() - startedAtMs).toBeLessThan(20 * 30);
    expect(answers.map((one) => one.sequence_number)).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
  });

  test("keeps no answers: a fragment sent again is INVALID_SEQUENCE", async () => {
    using client = await StsClient.begin(echo.url);
    client.fragment(0);
    await client.next("fragment:processed");
    client.fragment(0);
    expect(await client.next("error")).toMatchObject({ code: "INVALID_SEQUENCE" });
  });
});

describe("2.12 config:error_simulation", () => {
  const rule = (changes: object) => ({ error_code: "TIMEOUT", ...changes });

  test("the first rule that fits fails the fragment as told, and counts as failed", async () => {
    using client = await StsClient.begin(echo.url);
    client.send("config:error_simulation", {
      enabled: true,
      rules: [
        rule({
          trigger: "sequence_number",
          value: 1,
          error_message: "first",
          retryable: false,
          stage: "tts",
        }),
        rule({ trigger: "nth_fragment", value: 2, error_code: "SECOND" }),
        rule({ trigger: "fragment_id", value: "fragment-2", error_code: "MADE_UP_CODE" }),
      ],
    });
    expect(await client.next("config:error_simulation:ack")).toEqual({
      status: "accepted",
      rules_count: 3,
      message: null,
    });
    for (const sequence of [0, 1, 2, 3]) client.fragment(sequence);
    const answers = await client.count("fragment:processed", 4);
    expect(answers.map((one) => one.status)).toEqual(["success", "failed", "failed", "failed"]);
    expect(answers[1].error).toEqual({
      code: "TIMEOUT",
      message: "first",
      retryable: false,
      stage: "tts",
    });
    expect(answers[1].dubbed_audio ?? null).toBeNull();
    expect(answers[1].stage_timings).toEqual({ asr_ms: 0, translation_ms: 0, tts_ms: 0 });
    expect(answers[2].error).toMatchObject({
      code: "MADE_UP_CODE",
      message: "Simulated error",
      retryable: true,
    });
    expect(answers[3].error.code).toBe("SECOND");
    client.send("stream:end");
    expect(await client.next("stream:complete")).toMatchObject({
      failed_count: 3,
      success_count: 1,
    });
  });

  test("nth_fragment goes by the order of arrival, whatever the delay", async () => {
    using client = await StsClient.begin(echo.url);
    const rules = [rule({ trigger: "nth_fragment", value: "3" })];
    client.send("config:error_simulation", { enabled: true, rules });
    for (let sequence = 0; sequence < 9; sequence++) client.fragment(sequence);
    const answers = await client.count("fragment:processed", 9);
    expect(
      answers.filter((one) => one.status === "failed").map((one) => one.sequence_number),
    ).toEqual([2, 5, 8]);
  });

  test("a new configuration replaces the old, and enabled false ends it", async () => {
    using client = await StsClient.begin(echo.url);
    const rules = [rule({ trigger: "nth_fragment", value: 1 })];
    client.send("config:error_simulation", { enabled: true, rules });
    client.send("config:error_simulation", { rules });
    await client.count("config:error_simulation:ack", 2);
    client.fragment(0);
    expect(await client.next("fragment:processed")).toMatchObject({ status: "success" });
  });

  for (const [what, payload] of [
    ["an unknown trigger", { enabled: true, rules: [rule({ trigger: "moon", value: 1 })] }],
    ["no code", { enabled: true, rules: [{ trigger: "nth_fragment", value: 1 }] }],
    ["nth_fragment 0", { enabled: true, rules: [rule({ trigger: "nth_fragment", value: 0 })] }],
    [
      "a word as a number",
      { enabled: true, rules: [rule({ trigger: "sequence_number", value: "one" })] },
    ],
    ["rules as text", { enabled: true, rules: "all" }],
    ["no object", 5],
  ] as [string, unknown][])
    test(`${what} is rejected with a message`, async () => {
      using client = await StsClient.begin(echo.url);
      client.send("config:error_simulation", payload);
      const ack = await client.next("config:error_simulation:ack");
      expect(ack).toMatchObject({ status: "rejected", rules_count: 0 });
      expect(ack.message.length).toBeGreaterThan(5);
    });

  test("without a session it is STREAM_NOT_FOUND", async () => {
    using client = await StsClient.connect(echo.url);
    client.send("config:error_simulation", { enabled: true, rules: [] });
    expect(await client.next("error")).toMatchObject({ code: "STREAM_NOT_FOUND" });
  });
});

describe("2.12 simulate:disconnect", () => {
  test("is acknowledged, and the server disconnects after the delay", async () => {
    using client = await StsClient.connect(echo.url);
    client.send("simulate:disconnect", { delay_ms: 100, reason: "drill" });
    const ack = await client.next("simulate:disconnect:ack");
    expect(ack.status).toBe("scheduled");
    expect(Math.abs(ack.disconnect_at_ms - Date.now() - 100)).toBeLessThan(90);
    expect(ack.message).toContain("drill");
    expect(await client.next("disconnect")).toBe("io server disconnect");
  });

  test("without a payload it happens at once", async () => {
    using client = await StsClient.connect(echo.url);
    client.send("simulate:disconnect");
    expect(await client.next("disconnect")).toBe("io server disconnect");
  });

  test("a delay beyond 60 s is malformed", async () => {
    using client = await StsClient.connect(echo.url);
    client.send("simulate:disconnect", { delay_ms: 60_001 });
    expect(await client.next("error")).toMatchObject({ code: "MALFORMED_DATA" });
  });
});

describe("2.12 in real mode", () => {
  for (const event of ["config:error_simulation", "simulate:disconnect"])
    test(`${event} is INVALID_CONFIG`, async () => {
      await using real = await startSidecar({}, { engine: new ScriptedEngine() });
      using client = await StsClient.begin(real.url);
      client.send(event, { enabled: true, rules: [] });
      expect(await client.next("error")).toMatchObject({
        code: "INVALID_CONFIG",
        retryable: false,
      });
      expect(client.socket.connected).toBe(true);
    });
});
