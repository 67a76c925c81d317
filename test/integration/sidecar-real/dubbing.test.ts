import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ffmpeg } from "../../support/aac-fixtures.ts";
import { realSidecar } from "../../support/real-sidecar.ts";
import { StsClient } from "../../support/sts-client.ts";

const patienceMs = 120_000;
const jfk = join(import.meta.dir, "..", "..", "fixtures", "media", "speech", "jfk.flac");
/** "And so, my fellow Americans, ask not …" */
const seconds = 5;

let url: string;
let speech: Buffer;
beforeAll(async () => {
  const output = ["-t", `${seconds}`, "-ac", "1", "-ar", "16000", "-f", "s16le", "-"];
  [speech, { url }] = await Promise.all([
    ffmpeg(["-i", jfk, ...output]).then((bytes) => Buffer.from(bytes)),
    realSidecar(),
  ]);
}, patienceMs);

/** Dubs one fragment in a session of its own, with a time limit that a busy machine can keep. */
async function dub(config: Record<string, unknown>, audio: Record<string, unknown>) {
  const stream_id = crypto.randomUUID();
  using client = await StsClient.begin(url, { stream_id, config, timeout_ms: 60_000 });
  client.fragment(0, { stream_id, fragment_id: crypto.randomUUID(), audio });
  const answer = await client.next("fragment:processed", undefined, 0, patienceMs);
  return { answer, pcm: Buffer.from(answer.dubbed_audio?.data_base64 ?? "", "base64") };
}

const spoken = () => ({ data_base64: speech.toString("base64"), duration_ms: seconds * 1000 });

/** Root mean square of s16le samples, 1 for a full-scale square. */
function level(pcm: Buffer): number {
  const samples = new Int16Array(new Uint8Array(pcm).buffer);
  return Math.sqrt(samples.reduce((sum, one) => sum + (one / 32_768) ** 2, 0) / samples.length);
}

const words = (text: string) => new Set(text.toLowerCase().match(/\p{L}{3,}/gu) ?? []);

describe("a sidecar with real models", () => {
  test(
    "dubs English speech into Portuguese speech that is understood again as what was translated",
    async () => {
      const { answer, pcm } = await dub({ source_language: "en", target_language: "pt" }, spoken());
      expect(answer.error).toBeUndefined();
      expect(answer.transcript.toLowerCase()).toContain("fellow americans");
      expect(answer.translated_text.toLowerCase()).toContain("american");
      expect(answer.metadata).toMatchObject({ original_duration_ms: 5000, gpu_utilization: null });
      expect(pcm.length).toBe(16_000 * 2 * (answer.dubbed_audio.duration_ms / 1000));
      expect(level(pcm)).toBeGreaterThan(0.01);
      for (const ms of Object.values(answer.stage_timings)) expect(Number.isInteger(ms)).toBe(true);

      const back = await dub(
        { source_language: "pt", target_language: "en" },
        { data_base64: pcm.toString("base64"), duration_ms: answer.dubbed_audio.duration_ms },
      );
      const meant = words(answer.translated_text);
      const heard = words(back.answer.transcript);
      const understood = [...meant].filter((word) => heard.has(word)).length / meant.size;
      expect(understood).toBeGreaterThanOrEqual(0.5);
    },
    patienceMs,
  );

  test(
    "takes AAC as the released worker sends it, and answers with a true MP4 that speaks",
    async () => {
      const adts = await ffmpeg([
        "-i",
        jfk,
        "-t",
        `${seconds}`,
        "-ar",
        "48000",
        "-ac",
        "2",
        "-f",
        "adts",
        "-",
      ]);
      const { answer, pcm: mp4 } = await dub(
        { target_language: "pt" },
        {
          format: "m4a",
          sample_rate_hz: 48_000,
          channels: 2,
          duration_ms: seconds * 1000,
          data_base64: Buffer.from(adts).toString("base64"),
        },
      );
      expect(answer.transcript.toLowerCase()).toContain("americans");
      expect(mp4.subarray(4, 8).toString("latin1")).toBe("ftyp");
      const decoded = await ffmpeg(
        ["-f", "mp4", "-i", "-", "-ac", "1", "-ar", "16000", "-f", "s16le", "-"],
        mp4,
      );
      expect(decoded.length / 32_000).toBeCloseTo(answer.dubbed_audio.duration_ms / 1000, 1);
      expect(level(Buffer.from(decoded))).toBeGreaterThan(0.01);
    },
    patienceMs,
  );

  test(
    "answers silence with silence and empty texts, inventing nothing",
    async () => {
      const { answer, pcm } = await dub(
        { target_language: "pt" },
        { data_base64: Buffer.alloc(96_000).toString("base64"), duration_ms: 3000 },
      );
      expect(answer).toMatchObject({ status: "success", transcript: "", translated_text: "" });
      expect(pcm.length).toBe(96_000);
      expect(level(pcm)).toBe(0);
    },
    patienceMs,
  );

  test("acknowledges within 50 ms at the median while the models are at work", async () => {
    const stream_id = crypto.randomUUID();
    using client = await StsClient.begin(url, {
      stream_id,
      config: { target_language: "pt" },
      timeout_ms: 60_000,
      max_inflight: 5,
    });
    const waits: number[] = [];
    for (let sequence = 0; sequence < 5; sequence++) {
      const sentAtMs = performance.now();
      const fragment_id = crypto.randomUUID();
      client.fragment(sequence, { stream_id, fragment_id, audio: spoken() });
      await client.next("fragment:ack", (ack) => ack.fragment_id === fragment_id);
      waits.push(performance.now() - sentAtMs);
    }
    expect(waits.toSorted((a, b) => a - b)[2]).toBeLessThan(50);
  });

  test("names its pairs, its models and the stages that ran", async () => {
    const health = (await (await fetch(`${url}/health`)).json()) as Record<string, unknown>;
    expect(health).toMatchObject({ status: "healthy", mode: "real" });
    expect(health["pairs"]).toContainEqual(["en", "pt"]);
    expect(health["pairs"]).toContainEqual(["pt", "en"]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    for (const stage of ["asr", "translation", "tts"])
      expect(metrics).toMatch(new RegExp(`^sts_${stage}_duration_seconds_count [1-9]`, "m"));
    expect(metrics).toMatch(/^sts_model_load_seconds \d/m);
    for (const stage of ["asr", "tts"])
      expect(metrics).toMatch(
        new RegExp(`^sts_stage_real_time_factor_count\\{stage="${stage}"\\} [1-9]`, "m"),
      );
    for (const task of ["recognise", "voice", "translate"])
      expect(metrics).toMatch(
        new RegExp(`^sts_child_queue_delay_seconds_count\\{task="${task}"\\} [1-9]`, "m"),
      );
    for (const task of ["detect", "recognise", "voice", "translate"])
      expect(metrics).toMatch(new RegExp(`^sts_child_restarts_total\\{task="${task}"\\} \\d`, "m"));
  });

  test("refuses a pair that nothing serves, with the pairs that it has", async () => {
    using client = await StsClient.connect(url);
    client.send("stream:init", { stream_id: "zh", config: { target_language: "zh" } });
    const error = await client.next("error");
    expect(error.code).toBe("UNSUPPORTED_LANGUAGE");
    expect(error.metadata.pairs).toContainEqual(["en", "pt"]);
  });

  test(
    "dubs one fragment over HTTP",
    async () => {
      const response = await fetch(`${url}/api/v1/sts/process`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          fragment_id: "http",
          stream_id: "http",
          sequence_number: 0,
          audio: { format: "pcm_s16le", sample_rate_hz: 16_000, channels: 1, ...spoken() },
          config: { source_language: "en", target_language: "pt", voice_profile: "pf_dora" },
          timeout_ms: 60_000,
        }),
      });
      expect(response.status).toBe(200);
      const answer = (await response.json()) as { translated_text: string };
      expect(answer.translated_text.toLowerCase()).toContain("american");
    },
    patienceMs,
  );
});
