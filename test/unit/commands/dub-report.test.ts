import { expect, test } from "bun:test";
import { dubReport } from "../../../src/commands/dub-report.ts";
import type { SettledFragment } from "../../../src/worker/settled-fragment.ts";

function settled(changes: Partial<SettledFragment>): SettledFragment {
  return {
    fragmentId: "f",
    sequenceNumber: 0,
    startSample: 48_000,
    endSample: 96_000,
    outcome: "dubbed",
    reason: null,
    transcript: "Good evening.",
    translatedText: "Boa noite.",
    tempo: 1.1,
    processingTimeMs: 5,
    roundTripMs: 6,
    stageTimings: null,
    dubStartSample: 48_480,
    dubEndSample: 100_800,
    detail: null,
    ...changes,
  };
}

test("times are milliseconds of the input, totals count what the fragments say", () => {
  const none = { dubStartSample: null, dubEndSample: null, tempo: null };
  const report = dubReport({
    names: {
      input: "in.mp4",
      output: "out.mp4",
      sourceLanguage: "en",
      targetLanguage: "pt",
      voice: "default",
      engine: "real",
    },
    fragments: [
      settled({}),
      settled({ outcome: "partial", reason: "duration_variance_high" }),
      settled({ ...none, outcome: "no-speech", transcript: "", translatedText: "" }),
      settled({ ...none, outcome: "fallback", reason: "timeout", detail: "no answer" }),
    ],
    durationMs: 10_000.4,
    speechMs: 4000,
    wallMs: 2500,
  });
  expect(report.totals).toEqual({
    durationMs: 10_000,
    speechMs: 4000,
    dubMs: 2 * (2100 - 1010),
    fragments: 4,
    dubbed: 1,
    partial: 1,
    noSpeech: 1,
    fallback: 1,
    wallMs: 2500,
    realTimeFactor: 0.25,
  });
  expect(report.fragments[0]).toEqual({
    startMs: 1000,
    endMs: 2000,
    sourceText: "Good evening.",
    translatedText: "Boa noite.",
    tempo: 1.1,
    status: "dubbed",
    reason: null,
    detail: null,
    dubStartMs: 1010,
    dubEndMs: 2100,
  });
  expect(report.fragments[3]).toMatchObject({
    reason: "timeout",
    dubStartMs: null,
    dubEndMs: null,
  });
});
