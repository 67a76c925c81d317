import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DubReport } from "../../src/commands/dub-report.ts";
import { judgeDub, type DubQuality, soundOf, type SpokenSentence } from "../media/dub-quality.ts";
import {
  DubFolder,
  levelDb,
  monoOf,
  picturesOf,
  startDub,
} from "../integration/dub/dub-command.ts";

/** The whole product on a file with real models: judged by listening to what it made. */
const media = join(import.meta.dir, "..", "fixtures", "media");
const clip = join(media, "news.mp4");
const folder = new DubFolder();
const output = folder.file("dubbed.mp4");
let report: DubReport;
let quality: DubQuality;

beforeAll(async () => {
  const { finished } = startDub([
    ...[clip, "-o", output, "--target", "pt"],
    ...["--report", folder.file("report.json"), "--stems", folder.file("stems")],
  ]);
  const { code, stderr } = await finished;
  expect(stderr).not.toContain("livedub dub:");
  expect(code).toBe(0);
  report = JSON.parse(await readFile(folder.file("report.json"), "utf8")) as DubReport;
  const timeline = JSON.parse(await readFile(join(media, "news.json"), "utf8")) as {
    sentences: SpokenSentence[];
  };
  quality = await judgeDub({
    stem: await soundOf(folder.file("stems/dub-pt.wav")),
    source: "en",
    target: "pt",
    sentences: timeline.sentences,
    pieces: report.clauses.flatMap(({ translatedText, dubStartMs, dubEndMs }) =>
      dubStartMs === null || dubEndMs === null ? [] : [{ translatedText, dubStartMs, dubEndMs }],
    ),
  });
  const { totals } = report;
  process.stdout.write(
    `dub of the demo clip: CER ${(100 * quality.characterErrorRate).toFixed(1)} %, ` +
      `words of each sentence ${quality.sentences.map(({ recall }) => recall.toFixed(2)).join(" ")}, ` +
      `real-time factor ${totals.realTimeFactor}\n`,
  );
}, 400_000);
afterAll(() => folder[Symbol.dispose]());

test("the picture is the input's, byte by byte", async () => {
  expect(await picturesOf(output)).toBe(await picturesOf(clip));
});

test("of each sentence at least half of its translation's words are heard in its time", () => {
  expect(quality.sentences).toHaveLength(8);
  expect(quality.sentences.filter(({ recall }) => recall < 0.5)).toEqual([]);
});

test("what is heard is what was to be said: character error rate at most 15 %", () => {
  expect(quality.pieces.length).toBeGreaterThan(4);
  expect(quality.characterErrorRate).toBeLessThanOrEqual(0.15);
});

test("report and file agree: the dub sounds where the report says, and nowhere else", async () => {
  const stem = await monoOf(folder.file("stems/dub-pt.wav"));
  const { totals, fragments, clauses } = report;
  expect(totals.fallback).toBe(0);
  expect(totals.clauses).toMatchObject({ dubbed: clauses.length, dropped: 0 });
  expect(totals.dubbed + totals.partial + totals.noSpeech).toBe(fragments.length);
  expect(Math.abs(totals.durationMs - 60_000)).toBeLessThan(60);
  expect(totals.speechMs).toBeGreaterThan(30_000);
  let silentFromMs = 0;
  for (const { tempo } of fragments.filter(({ dubStartMs }) => dubStartMs !== null)) {
    expect(tempo).toBeGreaterThanOrEqual(0.85);
    expect(tempo).toBeLessThanOrEqual(1.3);
  }
  for (const { dubStartMs, dubEndMs } of clauses) {
    if (dubStartMs === null || dubEndMs === null) continue;
    expect(dubStartMs).toBeGreaterThanOrEqual(silentFromMs);
    if (dubStartMs - silentFromMs > 20)
      expect(levelDb(stem, silentFromMs + 5, dubStartMs - 5)).toBeLessThan(-80);
    expect(levelDb(stem, dubStartMs, dubEndMs)).toBeGreaterThan(-40);
    silentFromMs = dubEndMs;
  }
  expect(levelDb(stem, silentFromMs + 5, 60_000)).toBeLessThan(-80);
});
