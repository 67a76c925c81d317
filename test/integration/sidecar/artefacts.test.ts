import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FfmpegCodec } from "../../../gpu/codec/ffmpeg-codec.ts";
import { findFfmpeg } from "../../../gpu/codec/ffmpeg-program.ts";
import {
  confidenceOf,
  msPerCharacter,
  sayScript,
  ScriptedStagesEngine,
  soundOf,
} from "../../support/scripted-stages.ts";
import { startSidecar } from "../../support/sidecar-server.ts";
import { StsClient } from "../../support/sts-client.ts";

const fragmentMs = 1000;
const lengthMs = 8000;
const script = sayScript(
  "The keeper saved the first shot of the evening. Then they scored a goal from the corner.",
  640,
);
const signal = new AbortController().signal;

function fragmentOf(i: number, fragmentId: string, sound: Float32Array) {
  const samples = sound.subarray(i * 16_000, (i + 1) * 16_000);
  const pcm = Int16Array.from(samples, (sample) => Math.round(sample * 32_768));
  return {
    fragment_id: fragmentId,
    stream_id: "../match",
    sequence_number: i,
    timestamp: 0,
    audio: {
      format: "pcm_s16le",
      sample_rate_hz: 16_000,
      channels: 1,
      duration_ms: fragmentMs,
      data: Buffer.from(pcm.buffer),
    },
    metadata: { pts_ns: i * fragmentMs * 1e6 },
  };
}

async function dubbedWith(config: Record<string, unknown>) {
  const root = mkdtempSync(join(tmpdir(), "livedub-artefacts-"));
  const settings = { ENABLE_ARTIFACT_LOGGING: "true", ARTIFACTS_PATH: root };
  const sidecar = await startSidecar(settings, {
    engine: new ScriptedStagesEngine(script),
    finishWithinMs: 60_000,
  });
  using client = await StsClient.connect(sidecar.url);
  await client.init({
    stream_id: "../match",
    config: { source_language: "en", target_language: "pt", binary_audio: true, ...config },
  });
  const sound = soundOf(script, lengthMs);
  for (let i = 0; i < lengthMs / fragmentMs; i++)
    client.send("fragment:data", fragmentOf(i, `f${i}/..`, sound));
  client.send("stream:end", {});
  await client.next("stream:complete");
  await sidecar[Symbol.asyncDispose](); // what waits is written before it is gone
  const [stream = "", ...more] = readdirSync(root);
  expect(more).toEqual([]);
  return { answers: client.all("fragment:processed"), dir: join(root, stream) };
}

const rounded = (value: number) => Math.round(value * 10_000) / 10_000;
const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

test("a session by clauses keeps the texts of each clause where it begins, and sounds that play", async () => {
  const { answers, dir } = await dubbedWith({ pacing: "file" });
  expect(readdirSync(dir)).toHaveLength(lengthMs / fragmentMs);
  const textOf = (i: number, name: string) => readFileSync(join(dir, `f${i}%2F..`, name), "utf8");
  for (const [i, answer] of answers.entries()) {
    expect(textOf(i, "transcript.txt")).toBe(answer.transcript);
    expect(textOf(i, "translation.txt")).toBe(answer.translated_text);
    expect(JSON.parse(textOf(i, "metadata.json"))).toMatchObject({
      stream_id: "../match",
      status: "success",
      asset_lineage: { audio_asset_id: `audio-f${i}/..-${i}` },
    });
  }
  const [clause] = answers.flatMap((answer) => answer.clauses ?? []);
  const at = Math.floor(clause.start_ms / fragmentMs);
  expect(textOf(at, "transcript.txt")).toStartWith(clause.source_text);
  expect(JSON.parse(textOf(at, "lineage.json"))).toMatchObject({
    transcript: {
      parent_asset_ids: [`fragment:f${at}/..`],
      segments: [
        {
          start_time_ms: clause.start_ms,
          text: clause.source_text,
          no_speech_probability: 0.02,
          words: clause.words.map((word: { word: string }) => ({
            word: word.word,
            confidence: rounded(confidenceOf(word.word)),
          })),
        },
      ],
      language_probability: 0.97,
    },
    texts: [{ normalized_source_text: clause.source_text }],
    audios: [
      {
        duration_metadata: {
          raw_duration_ms: msPerCharacter * clause.translations.pt.length,
          speed_clamped: false,
        },
      },
    ],
  });
  const lineage = JSON.parse(textOf(at, "lineage.json"));
  const [segment] = lineage.transcript.segments;
  const sure = segment.words.map((word: { confidence: number }) => word.confidence);
  expect(segment.confidence).toBeCloseTo(mean(sure), 3);
  expect(lineage.transcript.confidence).toBeCloseTo(segment.confidence, 3);
  const codec = new FfmpegCodec(() => findFfmpeg(process.env));
  for (const name of ["original_audio.m4a", "dubbed_audio.m4a"]) {
    const file = readFileSync(join(dir, `f${at}%2F..`, name));
    const played = await codec.decode(file, "mov", signal);
    expect(played.length / 16_000).toBeWithin(0.9, 1.2);
    expect(played.some((sample) => Math.abs(sample) > 0.0005)).toBe(true);
  }
}, 20_000);

test("fragments that are dubbed each by itself are kept as well", async () => {
  const { answers, dir } = await dubbedWith({});
  expect(answers.length).toBeGreaterThan(0);
  const kept = readdirSync(dir);
  expect(kept).toContain("f0%2F..");
  const first = readFileSync(join(dir, "f0%2F..", "transcript.txt"), "utf8");
  expect(first).toBe(answers[0].transcript);
  expect(JSON.parse(readFileSync(join(dir, "f3%2F..", "lineage.json"), "utf8"))).toMatchObject({
    transcript: {
      confidence: 0.9,
      language_probability: 0.98,
      segments: [
        {
          ...{ start_time_ms: 3000, end_time_ms: 4000, text: "said f3/.." },
          ...{ confidence: 0.9, no_speech_probability: 0.01 },
        },
      ],
    },
    audios: [{ duration_metadata: { raw_duration_ms: fragmentMs, speed_clamped: false } }],
  });
}, 20_000);
