import { describe, expect, test } from "bun:test";
import { type PassResult, RecognitionLine } from "../../../gpu/session/clauses/recognition-line.ts";
import { say } from "./speech.arbitrary.ts";

const heardWell = {
  noSpeechProbability: 0.02,
  meanLogProbability: -0.2,
  compressionRatio: 1.2,
  capped: false,
};
const passMs = 350;

const said = (text: string): PassResult => ({ ...heardWell, words: text.split(" ") });

/** Two seconds of speech from 1 s on, and the silence that closed it. */
function afterSpeech(): RecognitionLine {
  const line = new RecognitionLine("en", 3400);
  line.heard({ heardUntilMs: 1200, goingFromMs: 1000 });
  line.heard({ heardUntilMs: 3400, ended: [{ startMs: 1000, endMs: 3000 }] });
  return line;
}

describe("a recognition line", () => {
  test("asks for no pass in silence, and for one at a time in speech", () => {
    const line = new RecognitionLine("en", 3400);
    line.heard({ heardUntilMs: 60_000 });
    expect(line.plan(passMs)).toBeUndefined();
    expect(line.uncutFromMs()).toBe(59_800);
    const spoken = afterSpeech();
    expect(spoken.plan(passMs)).toMatchObject({ kind: "final", fromMs: 800, toMs: 3200 });
    expect(spoken.passUnderWay?.kind).toBe("final");
    expect(spoken.plan(passMs)).toBeUndefined();
  });

  test("lays the words of a pass over the speech that was heard, and cuts them", () => {
    const line = afterSpeech();
    line.plan(passMs);
    const { clauses, refused } = line.passed(said("The match has begun."));
    expect(refused).toEqual([]);
    expect(clauses).toMatchObject([
      { text: "The match has begun.", startMs: 1000, endMs: 3000, reason: "sentence" },
    ]);
    expect(line.tally).toMatchObject({ clauses: 1, forced: 0 });
    expect(line.uncutFromMs()).toBe(3200);
  });

  test("takes a model's own times where it has them", () => {
    const line = afterSpeech();
    line.plan(passMs);
    const timed = say("The match has begun.", 1100, 400).words;
    expect(line.passed({ ...said("The match has begun."), timed }).clauses[0]).toMatchObject({
      startMs: 1100,
      endMs: 2700,
    });
  });

  test("cuts at a silence when it has become long enough", () => {
    const line = afterSpeech();
    line.plan(passMs);
    expect(line.passed(said("and then they score")).clauses).toEqual([]);
    expect(line.following().nextWordMs).toBe(1000);
    line.heard({ heardUntilMs: 3800 });
    expect(line.cut()).toMatchObject([{ text: "and then they score", reason: "silence" }]);
  });

  test("commits what two partial passes agree on, and shows what they say", () => {
    const line = new RecognitionLine("en", 3400);
    line.heard({ heardUntilMs: 2200, goingFromMs: 1000 });
    expect(line.plan(passMs)?.kind).toBe("partial");
    expect(line.passed(said("The match")).partial).toEqual({
      startMs: 1000,
      text: "The match",
      stableChars: 0,
    });
    line.heard({ heardUntilMs: 3300, goingFromMs: 1000 });
    expect(line.plan(passMs)?.kind).toBe("partial");
    expect(line.passed(said("The match has begun")).partial).toMatchObject({ stableChars: 9 });
  });

  test("cuts one clause at the latest safe moment, and hears what follows it again", () => {
    const line = new RecognitionLine("en", 2400);
    line.heard({ heardUntilMs: 3600, goingFromMs: 1000 });
    expect(line.plan(passMs)).toMatchObject({ kind: "final", commitUntilMs: 3400 });
    const first = say("the forty line Bible of about 14", 1000, 300).words;
    const cut = line.passed({ ...said("the forty line Bible of about 14"), timed: first });
    expect(cut.clauses).toMatchObject([{ text: "the forty line Bible", reason: "cap" }]);
    expect(cut.partial?.text).toBe("of about 14");
    expect(line.uncutFromMs()).toBe(2000);
    expect(line.following().nextWordMs).toBe(2200); // "of" will be heard again, but begins there
    line.heard({ heardUntilMs: 4400, ended: [{ startMs: 1000, endMs: 4000 }] });
    // from the word before what is heard again
    expect(line.plan(passMs)).toMatchObject({ kind: "final", fromMs: 1600, toMs: 4200 });
    const again = say("line Bible of about 1455 copies sold.", 1600, 300).words;
    const rest = line.passed({ ...said("line Bible of about 1455 copies sold."), timed: again });
    expect(rest.clauses).toMatchObject([
      { text: "of about 1455 copies sold.", reason: "sentence" },
    ]);
    expect(line.following().nextWordMs).toBeUndefined();
  });

  test("believes a pass up to where it goes on without sound", () => {
    const line = new RecognitionLine("en", 2400);
    line.heard({ heardUntilMs: 3600, goingFromMs: 1000 });
    line.plan(passMs);
    const loop = Array.from({ length: 12 }, () => ({ text: "now", startMs: 3540, endMs: 3540 }));
    const timed = [...say("they may justly be considered", 1000, 400).words, ...loop];
    const looping = { ...said(timed.map(({ text }) => text).join(" ")), capped: true, timed };
    expect(line.refusalsOf(looping)).toEqual([]);
    expect(line.passed(looping).clauses).toMatchObject([{ text: "they may justly be considered" }]);
    expect(line.refusalsOf(looping)).toEqual([]);
  });

  test("gives nothing of a pass that a guard refuses, and waits for nothing more there", () => {
    const line = afterSpeech();
    line.plan(passMs);
    const noise = { ...said("and then they score"), noSpeechProbability: 0.9 };
    expect(line.passed(noise)).toEqual({ clauses: [], refused: ["no_speech"] });
    expect(line.plan(passMs)).toBeUndefined();
    expect(line.uncutFromMs()).toBe(3200);
  });

  test("gives up the speech of a final pass that was lost, and counts it", () => {
    const line = afterSpeech();
    line.plan(passMs);
    expect(line.passLost()).toEqual([]);
    expect(line.lostSpeechMs).toBe(2400);
    expect(line.plan(passMs)).toBeUndefined();
    expect(line.passed(said("too late"))).toEqual({ clauses: [], refused: [] });
  });

  test("loses nothing with a partial pass", () => {
    const line = new RecognitionLine("en", 3400);
    line.heard({ heardUntilMs: 1800, goingFromMs: 1000 });
    line.plan(passMs);
    line.passLost();
    expect(line.lostSpeechMs).toBe(0);
    // the same pass would be shed again at once, and for ever
    expect(line.plan(passMs)).toBeUndefined();
    line.heard({ heardUntilMs: 2600, goingFromMs: 1000 });
    expect(line.plan(passMs)?.kind).toBe("partial");
  });

  test("says which sound it will not need again, and how long the pauses are", () => {
    const line = afterSpeech();
    expect(line.releasableMs()).toBe(0);
    expect(line.silences()).toEqual([
      { startMs: 0, endMs: 1000 },
      { startMs: 3000, endMs: 3400 },
    ]);
    line.plan(passMs);
    line.passed(said("The match has begun."));
    line.heard({ heardUntilMs: 9000 });
    expect(line.releasableMs()).toBe(6000);
  });

  test("gives out what is left at the end", () => {
    const line = afterSpeech();
    line.plan(passMs);
    line.passed(said("and they play for the"));
    expect(line.cut("end")).toMatchObject([{ reason: "end", poorEnd: true, forced: true }]);
  });

  test("remembers no more of eight hours than of a minute", () => {
    const line = new RecognitionLine("en", 3400);
    const sizes: number[] = [];
    for (let atMs = 0; atMs < 8 * 3_600_000; atMs += 4000) {
      const ended = [{ startMs: atMs + 500, endMs: atMs + 2500 }];
      line.heard({ heardUntilMs: atMs + 4000, ended });
      if (line.plan(passMs)) line.passed(said("The match has begun once more."));
      line.cut();
      sizes.push(line.silences().length);
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(16);
    expect(line.tally.clauses).toBe(7200);
  });
});
