import { describe, expect, test } from "bun:test";
import { closingLines, dubReport } from "../../../src/commands/dub-report.ts";
import type { ClauseCounts } from "../../../src/protocol/clause-counts.ts";
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

const names = {
  input: "in.mp4",
  output: "out.mp4",
  sourceLanguage: "en",
  targetLanguage: "pt",
  voice: "default",
  engine: "real",
};

test("times are milliseconds of the input, totals count what the fragments say", () => {
  const none = { dubStartSample: null, dubEndSample: null, tempo: null };
  const report = dubReport({
    names,
    fragments: [
      settled({}),
      settled({ outcome: "partial", reason: "duration_variance_high" }),
      settled({ ...none, outcome: "no-speech", transcript: "", translatedText: "" }),
      settled({ ...none, outcome: "fallback", reason: "timeout", detail: "no answer" }),
    ],
    clauseCounts: undefined,
    clauses: [],
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
    clauses: null,
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

describe("the closing lines", () => {
  const linesOf = (clauses: ClauseCounts | undefined, engine = "real") =>
    closingLines(
      dubReport({
        names: { ...names, engine },
        fragments: [settled({}), settled({ outcome: "fallback", reason: "timeout" })],
        clauseCounts: clauses,
        clauses: [],
        durationMs: 10_000,
        speechMs: 4000,
        wallMs: 2500,
      }),
    ).split("\n");
  const told: ClauseCounts = {
    dubbed: 12,
    late: 3,
    dropped: 4,
    droppedByReason: { late: 1, overload: 3 },
    words: 80,
  };

  test("count clauses with why they were dropped, commonest reason first, then fragments", () => {
    expect(linesOf(told)).toEqual([
      "out.mp4: 10.0 s, of which 4.0 s speech",
      "12 clauses dubbed into pt, 3 announced late, 4 dropped (overload 3, late 1)",
      "1 fragment dubbed into pt, 1 fell back, 0 without speech",
      "real-time factor 0.25 (2.5 s)",
    ]);
    expect(linesOf({ ...told, dropped: 0, droppedByReason: {} })[1]).toEndWith("0 dropped");
  });

  test("say nothing of clauses where the sidecar told of none", () => {
    expect(linesOf(undefined)).toHaveLength(3);
    expect(linesOf(undefined, "echo")[1]).toStartWith("1 fragment echoed (nothing was dubbed)");
  });

  test("let no sidecar's reason write to the terminal as it likes", () => {
    const evil = { "\u001b[2Jgone": 2, ["x".repeat(500)]: 1 };
    const [, line = ""] = linesOf({ ...told, droppedByReason: evil });
    expect(line).toContain("dropped (??2Jgone 2, ");
    expect(line.length).toBeLessThan(150);
  });
});

test("a clause is reported with its dub's place, and without one where it was never heard", () => {
  const place = { startSample: 48_000, endSample: 96_000 };
  const said = (dubbed: boolean) => ({
    type: "clause" as const,
    clauseId: "c",
    ...place,
    sourceText: "Good evening.",
    targets: [
      { language: "pt", text: "Boa noite.", startSample: 48_480, endSample: 100_800, dubbed },
    ],
  });
  const { clauses } = dubReport({
    names,
    fragments: [],
    clauseCounts: undefined,
    clauses: [said(true), said(false), { ...said(true), targets: [] }],
    durationMs: 10_000,
    speechMs: 4000,
    wallMs: 2500,
  });
  const told = { startMs: 1000, endMs: 2000, sourceText: "Good evening." };
  expect(clauses).toEqual([
    { ...told, translatedText: "Boa noite.", dubStartMs: 1010, dubEndMs: 2100 },
    { ...told, translatedText: "Boa noite.", dubStartMs: null, dubEndMs: null },
    { ...told, translatedText: "", dubStartMs: null, dubEndMs: null },
  ]);
});
