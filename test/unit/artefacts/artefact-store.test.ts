import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { ArtefactStore } from "../../../gpu/artefacts/artefact-store.ts";
import type { AnsweredFragment } from "../../../gpu/artefacts/lineage.ts";
import { FragmentFailure, type FragmentOutcome } from "../../../gpu/session/fragment-processor.ts";
import { ConfigError } from "../../../src/config/setting.ts";

const audio = (text: string) => ({
  format: "m4a",
  sampleRateHz: 16_000,
  channels: 1,
  durationMs: 1000,
  bytes: Buffer.from(text),
});

const outcome: FragmentOutcome = {
  status: "success",
  audio: audio("dub"),
  transcript: "a goal",
  translatedText: "um golo",
  stageTimings: { asrMs: 10, translationMs: 20, ttsMs: 30 },
  models: { asr: "asr-1", translation: "mt-1", tts: "tts-1" },
  originalDurationMs: 1000,
  dubbedDurationMs: 1000,
  speedRatio: 1.1,
  warnings: [],
  speechRegions: [{ startMs: 100, endMs: 900 }],
};

function answered(
  fragmentId: string,
  result: AnsweredFragment["result"] = { outcome },
  streamId = "match",
): AnsweredFragment {
  return {
    job: {
      queue: "q",
      streamId,
      fragmentId,
      sequenceNumber: 7,
      terms: {
        sourceLanguage: "en",
        targetLanguage: "pt-BR",
        voiceProfile: "default",
        domainHints: [],
        pacing: "live",
        furtherLanguages: [],
        glossary: [],
        keepTerms: [],
      },
      audio: audio("original"),
      ptsNs: 5e9,
      receivedAtMs: 0,
      speech: true,
      maxAnswerBytes: Number.POSITIVE_INFINITY,
      signal: new AbortController().signal,
    },
    result,
    processingMs: 61.4,
    answeredAt: new Date("2026-01-02T03:04:05.678Z"),
  };
}

interface Options {
  readonly root?: string;
  readonly now?: () => number;
  readonly toM4a?: () => Promise<Uint8Array>;
  readonly sweepEveryMs?: number;
}

function store({
  root = mkdtempSync(join(tmpdir(), "livedub-artefacts-")),
  toM4a,
  ...rest
}: Options = {}) {
  const settled: string[] = [];
  const lines: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
  const made = new ArtefactStore({
    root,
    retention: { hours: 24, count: 100 },
    toM4a: toM4a ?? ((sound) => Promise.resolve(sound.bytes)),
    onSettled: (result) => settled.push(result),
    logger,
    ...rest,
  });
  return { made, root, settled, lines };
}

const textOf = (...path: string[]) => readFileSync(join(...path), "utf8");
const jsonOf = (...path: string[]) => JSON.parse(textOf(...path)) as Record<string, unknown>;

describe("the files of an answered fragment", () => {
  test("are the two sounds, the two texts and what is known of them", async () => {
    const { made, root, settled } = store();
    made.keep(answered("f1"));
    await made.idle();
    const dir = join(root, "match", "f1");
    expect(settled).toEqual(["written"]);
    expect(textOf(dir, "original_audio.m4a")).toBe("original");
    expect(textOf(dir, "dubbed_audio.m4a")).toBe("dub");
    expect(textOf(dir, "transcript.txt")).toBe("a goal");
    expect(textOf(dir, "translation.txt")).toBe("um golo");
    expect(jsonOf(dir, "metadata.json")).toEqual({
      fragment_id: "f1",
      stream_id: "match",
      status: "success",
      processing_time_ms: 61,
      stage_timings: { asr_ms: 10, translation_ms: 20, tts_ms: 30 },
      timestamp: "2026-01-02T03:04:05.678Z",
      asset_lineage: {
        transcript_asset_id: "transcript-f1-7",
        translation_asset_id: "translation-f1-7",
        audio_asset_id: "audio-f1-7",
      },
    });
    await made.close(1000);
  });

  test("carry records in which each names what it was made from", async () => {
    const { made, root } = store();
    made.keep(
      answered("f1", {
        outcome: {
          ...outcome,
          tracks: new Map([
            [
              "es",
              { audio: audio("dub es"), translatedText: "un gol", status: "partial" as const },
            ],
          ]),
        },
      }),
    );
    await made.idle();
    const dir = join(root, "match", "f1");
    expect(textOf(dir, "dubbed_audio.es.m4a")).toBe("dub es");
    expect(textOf(dir, "translation.es.txt")).toBe("un gol");
    expect(jsonOf(dir, "lineage.json")).toMatchObject({
      transcript: {
        asset_id: "transcript-f1-7",
        parent_asset_ids: ["fragment:f1"],
        component: "asr",
        language: "en",
        latency_ms: 10,
        segments: [{ start_time_ms: 5100, end_time_ms: 5900, text: "a goal" }],
      },
      texts: [
        {
          asset_id: "translation-f1-7",
          parent_asset_ids: ["transcript-f1-7"],
          target_language: "pt",
          character_count: 7,
          word_expansion_ratio: 1,
        },
        { asset_id: "translation-f1-7-es", target_language: "es", status: "partial" },
      ],
      audios: [
        {
          asset_id: "audio-f1-7",
          parent_asset_ids: ["translation-f1-7"],
          payload_ref: Bun.pathToFileURL(join(dir, "dubbed_audio.m4a")).href,
        },
        { asset_id: "audio-f1-7-es", parent_asset_ids: ["translation-f1-7-es"] },
      ],
    });
    await made.close(1000);
  });

  test("say how sure the recogniser was, what the translator was asked, and what was fitted", async () => {
    const { made, root } = store();
    made.keep(
      answered("f1", {
        outcome: {
          ...outcome,
          transcript: "a goal ⚽ <b>in</b> 90",
          segments: [
            {
              ...{ startMs: 5100, endMs: 5900, text: "a goal ⚽ <b>in</b> 90" },
              ...{ confidence: 0.912345, noSpeechProbability: 0.03, languageProbability: 0.9 },
              words: [{ text: "a", startMs: 5100, endMs: 5200, confidence: 0.5 }],
            },
            { startMs: 5900, endMs: 6000, text: "well" },
          ],
          ...{ rawDurationMs: 1300, speedClamped: true },
        },
      }),
    );
    await made.idle();
    const written = jsonOf(join(root, "match", "f1"), "lineage.json");
    expect(written).toMatchObject({
      transcript: {
        ...{ language_probability: 0.9, confidence: 0.9123 },
        segments: [
          {
            ...{ confidence: 0.9123, no_speech_probability: 0.03 },
            words: [{ word: "a", start_time_ms: 5100, end_time_ms: 5200, confidence: 0.5 }],
          },
          { text: "well" },
        ],
      },
      texts: [{ normalized_source_text: "a goal in 90" }],
      audios: [{ duration_metadata: { raw_duration_ms: 1300, speed_clamped: true } }],
    });
    const { segments } = written["transcript"] as { segments: Record<string, unknown>[] };
    expect(segments[1]).not.toHaveProperty("confidence"); // not told: left out, not invented
    await made.close(1000);
  });

  test("of a failed one say why, and hold no texts", async () => {
    const { made, root } = store();
    const failure = new FragmentFailure("TIMEOUT", "not dubbed within 8000 ms", {
      stage: "translation",
      retryable: true,
    });
    made.keep(answered("f1", { failure }));
    await made.idle();
    const dir = join(root, "match", "f1");
    expect(readdirSync(dir).toSorted()).toEqual([
      "lineage.json",
      "metadata.json",
      "original_audio.m4a",
    ]);
    expect(jsonOf(dir, "metadata.json")).toMatchObject({
      status: "failed",
      error: { code: "TIMEOUT", stage: "translation" },
    });
    expect(jsonOf(dir, "lineage.json")).toMatchObject({
      transcript: { status: "failed", errors: [{ error_type: "timeout" }] },
    });
    await made.close(1000);
  });

  test("never leave their root, and an answer of the same name replaces the old one", async () => {
    const { made, root } = store();
    made.keep(answered("../../../escape", undefined, "../.."));
    made.keep(answered("f1"));
    made.keep(answered("f1", { outcome: { ...outcome, transcript: "another" } }));
    await made.idle();
    expect(readdirSync(root).toSorted()).toEqual(["%2E.%2F..", "match"]);
    expect(readdirSync(join(root, "%2E.%2F.."))).toEqual(["%2E.%2F..%2F..%2Fescape"]);
    expect(readdirSync(join(root, "match"))).toEqual(["f1"]);
    expect(textOf(root, "match", "f1", "transcript.txt")).toBe("another");
    await made.close(1000);
  });

  test("a sound that cannot be written costs only itself, and is told once", async () => {
    const { made, root, settled, lines } = store({
      toM4a: () => Promise.reject(new Error("no FFmpeg here")),
    });
    for (const id of ["f1", "f2"]) made.keep(answered(id));
    await made.idle();
    expect(settled).toEqual(["written", "written"]);
    expect(textOf(root, "match", "f2", "transcript.txt")).toBe("a goal");
    expect(lines).toHaveLength(1);
    await made.close(1000);
  });
});

describe("behind the answers", () => {
  test("more than may wait is dropped and counted", async () => {
    const gate = Promise.withResolvers<Uint8Array>();
    const { made, root, settled, lines } = store({ toM4a: () => gate.promise });
    for (let i = 0; i < 100; i++) made.keep(answered(`f${i}`));
    expect(settled.filter((one) => one === "dropped")).toHaveLength(100 - 65);
    expect(lines).toHaveLength(1);
    gate.resolve(Buffer.from("m4a"));
    await made.idle();
    expect(settled.filter((one) => one === "written")).toHaveLength(65);
    expect(readdirSync(join(root, "match"))).toHaveLength(65);
    await made.close(1000);
  });

  test("a root that vanished or is a file now is told once and counted always", async () => {
    const { made, root, settled, lines } = store();
    await made.idle();
    rmSync(root, { recursive: true });
    writeFileSync(root, "in the way");
    for (const id of ["f1", "f2"]) made.keep(answered(id));
    await made.idle();
    expect(settled).toEqual(["failed", "failed"]);
    expect(lines).toHaveLength(1);
    await made.close(1000);
  });

  test("old fragments are deleted at start and again by the clock", async () => {
    let shiftMs = 0;
    const now = () => Date.now() + shiftMs;
    const { made, root } = store({ now });
    made.keep(answered("f1"));
    await made.idle();
    await made.sweep();
    expect(existsSync(join(root, "match", "f1"))).toBe(true);
    shiftMs = 25 * 3_600_000;
    const next = store({ root, now, sweepEveryMs: 1 }).made;
    await next.idle();
    expect(existsSync(join(root, "match"))).toBe(false);
    await made.close(1000);
    await next.close(1000);
  });

  test("closing writes what waits, but not for ever", async () => {
    const never = store({ toM4a: () => new Promise(() => {}) });
    const quick = store();
    quick.made.keep(answered("f1"));
    await quick.made.close(5000);
    expect(quick.settled).toEqual(["written"]);
    quick.made.keep(answered("f2"));
    expect(quick.settled).toEqual(["written"]);
    for (const id of ["f1", "f2"]) never.made.keep(answered(id));
    await never.made.close(10);
    expect(never.settled).toEqual(["dropped"]);
  });

  test("a folder that is not ours to write is refused by the setting's name", () => {
    const root = mkdtempSync(join(tmpdir(), "livedub-artefacts-"));
    const file = join(root, "file");
    writeFileSync(file, "");
    expect(() => store({ root: join(file, "below") })).toThrow(ConfigError);
    expect(() => store({ root: join(file, "below") })).toThrow(
      /ARTIFACTS_PATH=.*ENABLE_ARTIFACT_LOGGING/,
    );
    if (process.getuid?.() === 0) return; // root may write everywhere
    chmodSync(root, 0o500);
    expect(() => store({ root })).toThrow(/ARTIFACTS_PATH/);
  });
});
