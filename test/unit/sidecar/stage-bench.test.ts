import { describe, expect, test } from "bun:test";
import { benchTable } from "../../../gpu/bench/bench-table.ts";
import { capacityOf } from "../../../gpu/bench/capacity.ts";
import { measureStages, type StageFigures } from "../../../gpu/inference/stage-figures.ts";
import { msPerCharacter, ScriptedStagesEngine } from "../../support/scripted-stages.ts";

const figures: StageFigures = {
  detectRtf: 0.01,
  partialRtf: 0.02,
  finalRtf: 0.06,
  passMs: 180,
  msPerCharacter: 60,
  speakRtf: 0.4,
  translateMs: 750,
  clauseS: 3,
  heardShare: 0.97,
  sentences: 5,
};

describe("how many streams a machine carries", () => {
  test("is said by its busiest lane, at half of its time", () => {
    expect(capacityOf(figures)).toEqual({
      load: { detect: 0.01, recognise: 0.1, translate: 0.25, voice: 0.4 },
      limitedBy: "voice",
      streams: 1,
    });
    expect(capacityOf({ ...figures, finalRtf: 0.44 })).toMatchObject({
      limitedBy: "recognise",
      streams: 1,
    });
  });

  test("is none where one stream is too much", () => {
    const capacity = capacityOf({ ...figures, speakRtf: 0.51 });
    expect(capacity.streams).toBe(0);
    const models = { asr: "a", translation: "m", tts: "t" };
    const table = benchTable({ source: "en", target: "pt", models, figures, capacity });
    expect(table).toContain("not even one stream");
    expect(table).toContain("the limit is voice");
  });
});

test("each stage's time is told against the sound it worked on", async () => {
  let clockMs = 0;
  const taking =
    (ms: number) =>
    <Result>(_request: unknown, run: () => Result): Promise<Result> => {
      clockMs += ms;
      return Promise.resolve(run());
    };
  const engine = new ScriptedStagesEngine([], {
    detect: taking(10),
    transcribe: (request, run) => taking(request.quality === "partial" ? 40 : 100)(request, run),
    translate: taking(80),
    speak: taking(500),
  });
  const sentences = ["x".repeat(25), "y".repeat(25), "z".repeat(25)];
  const seen: number[] = [];
  const measured = await measureStages(engine.stages, {
    source: "en",
    target: "pt",
    sentences,
    now: () => clockMs,
    onProgress: (done) => seen.push(done),
  });
  const spokenS = (25 * msPerCharacter) / 1000;
  const dubbedS = ((25 + "pt:".length) * msPerCharacter) / 1000;
  expect(measured.clauseS).toBeCloseTo(spokenS, 3);
  expect(measured.detectRtf).toBeCloseTo(0.01 / spokenS, 3);
  expect(measured.partialRtf).toBeCloseTo(0.04 / spokenS, 3);
  expect(measured.finalRtf).toBeCloseTo(0.1 / spokenS, 3);
  expect(measured.speakRtf).toBeCloseTo(0.5 / dubbedS, 3);
  expect(measured).toMatchObject({ translateMs: 80, passMs: 100, msPerCharacter });
  expect(measured).toMatchObject({ sentences: 2, heardShare: 0 });
  expect(seen).toEqual([1, 2, 3]);
  expect(engine.translated.map((request) => request.text)).toEqual(sentences);
});
