import { describe, expect, test } from "bun:test";
import type { PassResult } from "../../../gpu/session/clauses/recognition-line.ts";
import { withoutUnheard } from "../../../gpu/session/clauses/unheard-words.ts";
import type { TimedWord } from "../../../gpu/session/clauses/words.ts";
import { say } from "./speech.arbitrary.ts";

/** Words that the alignment puts at one moment, as it does with those that no sound is left for. */
const soundless = (text: string, atMs: number): TimedWord[] =>
  text.split(" ").map((word) => ({ text: word, startMs: atMs, endMs: atMs, confidence: 0.01 }));

function passOf(timed: readonly TimedWord[]): PassResult {
  return {
    timed,
    words: timed.map((word) => word.text),
    noSpeechProbability: 0.02,
    meanLogProbability: -3,
    compressionRatio: 5,
    capped: true,
  };
}

const heard = say("of the 15th century may justly be considered", 0).words.map((word) => ({
  ...word,
  confidence: 0.9,
}));

describe("words without any sound at a pass's end", () => {
  test("are left out, and the pass is judged by what it heard", () => {
    const loop = soundless("of movable metal letters of movable metal letters", 2400);
    const kept = withoutUnheard(passOf([...heard, ...loop]), true);
    expect(kept.timed).toEqual(heard);
    expect(kept.words.join(" ")).toBe("of the 15th century may justly be considered");
    expect(kept).toMatchObject({ compressionRatio: 1, capped: false });
    expect(kept.meanLogProbability).toBeCloseTo(Math.log(0.9), 6);
  });

  test("are believed when there is one, and the speech is over", () => {
    const result = passOf([...heard, ...soundless("so.", 2400)]);
    expect(withoutUnheard(result, false)).toBe(result);
    expect(withoutUnheard(result, true).timed).toEqual(heard);
  });

  test("are no matter within a sentence, nor without measured times", () => {
    const swallowed = passOf([...heard.slice(0, 2), ...soundless("the", 600), ...heard.slice(2)]);
    expect(withoutUnheard(swallowed, true)).toBe(swallowed);
    const { timed: _, ...unmeasured } = passOf(heard);
    expect(withoutUnheard(unmeasured, true)).toBe(unmeasured);
  });

  test("leave nothing where nothing was heard", () => {
    const nothing = withoutUnheard(passOf(soundless("thank you", 0)), true);
    expect(nothing).toMatchObject({ timed: [], words: [] });
  });
});
