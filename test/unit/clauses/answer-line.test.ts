import { describe, expect, test } from "bun:test";
import { AnswerLine } from "../../../gpu/session/clauses/answer-line.ts";
import { defaultIsochronyLimits } from "../../../gpu/session/clauses/isochrony.ts";
import type { LineAnswer } from "../../../gpu/session/clauses/line-answer.ts";
import type { Clause } from "../../../gpu/session/clauses/clause-cutter.ts";
import { answerBy } from "../../../gpu/session/clauses/slicer.ts";
import { say } from "./speech.arbitrary.ts";

const dubRateHz = 1000;
const { breathMs } = defaultIsochronyLimits;
const everythingCut = Number.POSITIVE_INFINITY;

const clauseAt = (startMs: number, endMs: number): Clause => ({
  words: say("The match", startMs, (endMs - startMs) / 2).words,
  text: "The match",
  startMs,
  endMs,
  reason: "sentence",
  forced: false,
  poorEnd: false,
});

/** Six fragments of 500 ms, all received, with 6 s of delay. */
function line(languages: readonly string[] = ["pt"]): AnswerLine {
  const answers = new AnswerLine({ languages, dubRateHz, holeTimeoutMs: 8000 });
  for (let sequence = 0; sequence < 6; sequence++) {
    const startMs = sequence * 500;
    answers.accept({
      fragmentId: `f${sequence}`,
      sequence,
      startMs,
      endMs: startMs + 500,
      receivedAtMs: startMs + 500,
      answerByMs: answerBy("live", startMs + 500, 5500, 8000),
    });
  }
  return answers;
}

const tone = (ms: number): { samples: Float32Array; tempo: number } => ({
  samples: new Float32Array(ms).fill(1),
  tempo: 1,
});
const nothingFollows = { silences: [] };
const stretch = (samples: Float32Array, factor: number): Float32Array =>
  new Float32Array(Math.round(samples.length * factor)).fill(1);
const names = (answers: readonly LineAnswer[]): string[] =>
  answers.map(({ verdict }) =>
    verdict.kind === "hole" ? "hole" : `${verdict.kind} ${verdict.fragment.sequence}`,
  );
const heardMs = (answers: readonly LineAnswer[], language = "pt"): number =>
  answers.flatMap(({ dub }) => [...(dub?.get(language)?.samples ?? [])]).filter((one) => one !== 0)
    .length;

describe("an answer line", () => {
  test("answers up to the first clause that is open, and the rest once it is placed", () => {
    const answers = line();
    const clauseId = answers.open(clauseAt(700, 1700));
    expect(names(answers.advance(3100, everythingCut))).toEqual(["ready 0"]);
    const slot = answers.place(clauseId, "pt", tone(1000), nothingFollows, stretch);
    expect(slot).toMatchObject({ outcome: "placed", startMs: 700 });
    const rest = answers.advance(3200, everythingCut);
    expect(names(rest)).toEqual(["ready 1", "ready 2", "ready 3", "ready 4", "ready 5"]);
    expect(heardMs(rest)).toBe(960);
    expect(rest[0]?.notices).toMatchObject([{ clauseId, language: "pt", status: "dubbed" }]);
    expect(rest.slice(1).flatMap(({ notices }) => notices)).toEqual([]);
    expect([answers.heldCount, answers.dubState("pt").placed]).toEqual([0, 1]);
  });

  test("says first that a clause is late, then where its dub begins", () => {
    const answers = line();
    const clauseId = answers.open(clauseAt(100, 1400));
    const first = answers.advance(answers.nextWakeMs() ?? 0, everythingCut);
    expect(names(first)).toEqual(["late 0"]);
    expect(first[0]?.notices).toEqual([{ clauseId, language: "pt", status: "late" }]);
    const slot = answers.place(clauseId, "pt", tone(1000), nothingFollows, stretch);
    expect(slot).toMatchObject({ outcome: "placed", startMs: 500, lateMs: 400 });
    const next = answers.advance(6000, everythingCut)[0];
    expect(next?.notices).toMatchObject([{ clauseId, status: "dubbed", slot: { startMs: 500 } }]);
  });

  test("drops a clause that is far too late whole, and says so", () => {
    const answers = line();
    const clauseId = answers.open(clauseAt(100, 1400));
    for (let nowMs = 5700; nowMs <= 7700; nowMs += 500) answers.advance(nowMs, everythingCut);
    const following = { silences: [{ startMs: 1400, endMs: 3000 }] };
    expect(answers.expectedSlot(clauseId, "pt", 1000, following)).toMatchObject({
      outcome: "dropped",
    });
    expect(answers.place(clauseId, "pt", tone(1000), following, stretch)?.outcome).toBe("dropped");
    const [last] = answers.advance(8000, everythingCut);
    expect(last?.notices).toEqual([
      { clauseId, language: "pt", status: "dropped", reason: "late" },
    ]);
    expect(answers.dubState("pt").dropped).toBe(1);
  });

  test("takes what the synthesiser's speed did, and stretches the rest", () => {
    const answers = line();
    const clauseId = answers.open(clauseAt(0, 1000));
    const following = { silences: [{ startMs: 1000, endMs: 1000 + breathMs }] };
    expect(answers.expectedSlot(clauseId, "pt", 1150, following)).toMatchObject({ tempo: 1.15 });
    const spoken = { samples: new Float32Array(1020).fill(1), tempo: 1.15 };
    const slot = answers.place(clauseId, "pt", spoken, following, stretch);
    expect(slot).toMatchObject({ startMs: 0 });
    expect(heardMs(answers.advance(3100, everythingCut))).toBe(1000);
  });

  test("gives a dub the time up to the next clause, cut or not, where no detector heard a silence", () => {
    const answers = line();
    const clauseId = answers.open(clauseAt(0, 1000));
    const toNextWord = { silences: [], nextWordMs: 1200 + breathMs };
    expect(answers.expectedSlot(clauseId, "pt", 1200, toNextWord)).toMatchObject({ tempo: 1 });
    answers.open(clauseAt(1100 + breathMs, 2000));
    const later = { silences: [], nextWordMs: 2000 };
    expect(answers.expectedSlot(clauseId, "pt", 1155, later)).toMatchObject({ tempo: 1.05 });
    expect(answers.expectedSlot(clauseId, "pt", 1320, nothingFollows)).toMatchObject({
      ...{ tempo: 1.2, overrunMs: 0 },
    });
  });

  test("places a dub in parts: its beginning airs while the rest is being spoken", () => {
    const answers = line();
    const clauseId = answers.open(clauseAt(100, 1400));
    const following = { silences: [{ startMs: 1400, endMs: 2000 }] };
    const first = { ...tone(600), laterMs: 500 };
    expect(answers.place(clauseId, "pt", first, following, stretch)).toMatchObject({
      ...{ startMs: 100, lateMs: 0, tempo: 0.85 },
    });
    expect(answers.advance(4000, everythingCut)).toEqual([]); // there is time to wait for the rest
    const dueMs = answers.nextWakeMs() ?? 0;
    const [begun, ...none] = answers.advance(dueMs, everythingCut);
    expect([names([begun!]), none]).toEqual([["ready 0"], []]);
    const told = begun?.notices[0]?.slot;
    expect(begun?.notices).toMatchObject([{ clauseId, status: "dubbed", slot: { startMs: 100 } }]);
    expect(told?.endMs).toBeCloseTo(100 + 1100 / 0.85, 0);
    const placed = answers.place(clauseId, "pt", tone(500), following, stretch);
    expect(placed).toMatchObject({ outcome: "placed", lateMs: 0 });
    const rest = answers.advance(dueMs + 100, everythingCut);
    expect(names(rest)).toEqual(["ready 1", "ready 2", "ready 3", "ready 4", "ready 5"]);
    expect(rest.flatMap(({ notices }) => notices)).toEqual([]);
    const heard = heardMs([begun!, ...rest]);
    expect(heard).toBeGreaterThan(1100);
    expect(heard).toBeLessThanOrEqual(Math.ceil(1100 / 0.85) + 1);
    expect(answers.dubState("pt")).toMatchObject({ placed: 1, late: 0, dropped: 0 });
  });

  test("tells of a dub in parts once, where it truly lies, if its rest is there in time", () => {
    const answers = line();
    const clauseId = answers.open(clauseAt(100, 1400));
    answers.place(clauseId, "pt", { ...tone(600), laterMs: 900 }, nothingFollows, stretch);
    answers.place(clauseId, "pt", tone(500), nothingFollows, stretch);
    const all = answers.advance(3100, everythingCut);
    expect(names(all)).toHaveLength(6);
    const notices = all.flatMap((answer) => answer.notices);
    expect(notices).toMatchObject([{ clauseId, status: "dubbed", slot: { startMs: 100 } }]);
    const { endMs = 0, tempo = 0 } = notices[0]?.slot ?? {};
    const soundMs = heardMs(all);
    expect(endMs).toBeCloseTo(100 + soundMs + breathMs, -1); // the breath between its parts
    expect(tempo).toBeCloseTo(1100 / soundMs, 2);
  });

  test("says the rest of a dub however late it comes, and of one that fails what was placed", () => {
    const late = line();
    const clauseId = late.open(clauseAt(100, 600));
    late.place(clauseId, "pt", { ...tone(300), laterMs: 300 }, nothingFollows, stretch);
    late.advance(7700, everythingCut);
    expect(late.place(clauseId, "pt", tone(300), nothingFollows, stretch)).toMatchObject({
      outcome: "placed",
    });
    const failing = line();
    const other = failing.open(clauseAt(100, 600));
    failing.place(other, "pt", { ...tone(300), laterMs: 300 }, nothingFollows, stretch);
    failing.drop(other, "pt", "MODEL_ERROR");
    const all = failing.advance(3100, everythingCut);
    expect(names(all)).toHaveLength(6);
    expect(all.flatMap(({ notices }) => notices)).toMatchObject([
      { clauseId: other, status: "dubbed", slot: { startMs: 100 } },
    ]);
    expect(all[0]?.notices[0]?.slot?.endMs).toBeCloseTo(100 + heardMs(all), 0);
  });

  test("answers for every language, each with its own dub", () => {
    const answers = line(["pt", "es"]);
    const clauseId = answers.open(clauseAt(0, 1000));
    answers.place(clauseId, "pt", tone(900), nothingFollows, stretch);
    expect(answers.advance(3100, everythingCut)).toEqual([]);
    answers.drop(clauseId, "es", "shed");
    const all = answers.advance(3100, everythingCut);
    expect(names(all)).toHaveLength(6);
    expect(all[0]?.notices).toMatchObject([
      { language: "pt", status: "dubbed" },
      { language: "es", status: "dropped", reason: "shed" },
    ]);
    expect([heardMs(all), heardMs(all, "es")]).toEqual([960, 0]);
  });

  test("places nothing twice, and nothing that was dropped", () => {
    const answers = line();
    const clauseId = answers.open(clauseAt(0, 1000));
    answers.drop(clauseId, "pt", "failed");
    answers.drop(clauseId, "pt", "failed again");
    expect(answers.place(clauseId, "pt", tone(900), nothingFollows, stretch)).toBeUndefined();
    expect(answers.place("unknown", "pt", tone(900), nothingFollows, stretch)).toBeUndefined();
    expect(answers.expectedSlot("unknown", "pt", 900, nothingFollows)).toBeUndefined();
    const notices = answers.advance(3100, everythingCut).flatMap((one) => one.notices);
    expect(notices).toMatchObject([{ status: "dropped", reason: "failed" }]);
  });

  test("waits for no number once the stream has ended", () => {
    const answers = line();
    const seventh = { fragmentId: "f7", sequence: 7, startMs: 3500, endMs: 4000 };
    answers.accept({ ...seventh, receivedAtMs: 4000, answerByMs: 9000 });
    answers.end();
    expect(names(answers.advance(4100, everythingCut)).slice(-2)).toEqual(["hole", "ready 7"]);
  });
});
