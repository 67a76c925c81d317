import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type HypothesisFacts,
  defaultGuardLimits,
  refusals,
} from "../../../gpu/session/clauses/guards.ts";
import { isPhantom } from "../../../gpu/session/clauses/phantom-phrases.ts";
import { defaultRepetitionLimits, findLoop } from "../../../gpu/session/clauses/repetition.ts";

const good = (text: string, over: Partial<HypothesisFacts> = {}): HypothesisFacts => ({
  words: text.split(" "),
  noSpeechProbability: 0.03,
  meanLogProbability: -0.25,
  compressionRatio: 1.2,
  capped: false,
  speechMs: 4000,
  ...over,
});

const said = "ask not what your country can do for you";

describe("a pass is refused", () => {
  test("never, when nothing speaks against it", () => {
    expect(refusals(good(said), "en")).toEqual([]);
  });

  test("when the model itself heard no speech", () => {
    expect(refusals(good(said, { noSpeechProbability: 0.85 }), "en")).toEqual(["no_speech"]);
  });

  test("when the model doubts that it heard speech, and what it heard", () => {
    const doubtful = { noSpeechProbability: 0.65, meanLogProbability: -0.8 };
    expect(refusals(good(said, doubtful), "en")).toEqual(["no_speech"]);
    expect(refusals(good(said, { noSpeechProbability: 0.65 }), "en")).toEqual([]);
  });

  test("when the detector heard hardly any", () => {
    expect(refusals(good("Yes.", { speechMs: 60 }), "en")).toEqual(["too_little_speech"]);
  });

  test("when its text repeats itself", () => {
    expect(refusals(good(said, { compressionRatio: 3 }), "en")).toEqual(["compression"]);
    const loop = "and then he said ".repeat(5).trim();
    expect(refusals(good(loop), "en")).toEqual(["repetition"]);
  });

  test("when it did not come to an end", () => {
    expect(refusals(good(said, { capped: true }), "en")).toEqual(["unended"]);
  });

  test("when the model guessed, or gives no figure", () => {
    expect(refusals(good(said, { meanLogProbability: -1.4 }), "en")).toEqual(["low_confidence"]);
    expect(refusals(good(said, { meanLogProbability: Number.NaN }), "en")).toEqual([
      "low_confidence",
    ]);
  });

  test("when nobody can speak that fast", () => {
    const rushed = good(`${said} ${said}`, { speechMs: 500 });
    expect(refusals(rushed, "en")).toEqual(["too_fast"]);
    expect(refusals({ ...rushed, speechMs: 4500 }, "en")).toEqual([]);
    expect(refusals(good("No.", { speechMs: 160 }), "en")).toEqual([]);
  });

  test("when it is what models invent on noise, and little speech was heard", () => {
    expect(refusals(good("Thank you.", { noSpeechProbability: 0.3 }), "en")).toEqual(["phantom"]);
    expect(refusals(good("Thank you.", { speechMs: 200 }), "en")).toEqual(["phantom"]);
    expect(refusals(good("Thank you.", { speechMs: 700 }), "en")).toEqual([]);
  });

  test("with every reason there is", () => {
    const bad = good("you you you you you you you you", {
      noSpeechProbability: 0.9,
      meanLogProbability: -2,
      compressionRatio: 4,
      capped: true,
      speechMs: 0,
    });
    const everyReason = ["no_speech", "too_little_speech", "unended", "compression"] as const;
    expect(refusals(bad, "en")).toEqual([...everyReason, "repetition", "low_confidence"]);
  });
});

test("a pass without words is neither good nor bad", () => {
  expect(refusals(good("", { noSpeechProbability: 1 }), "en")).toEqual([]);
  expect(refusals(good("♪ ♪", { noSpeechProbability: 1 }), "en")).toEqual([]);
});

test("each limit can be set", () => {
  const limits = { ...defaultGuardLimits, noSpeechProbability: 0.95 };
  expect(refusals(good(said, { noSpeechProbability: 0.9 }), "en", limits)).toEqual([]);
});

describe("a loop", () => {
  test("is a phrase said again and again without a break", () => {
    expect(findLoop("oh no no no no no no no no yes".split(" "))).toEqual({
      start: 1,
      length: 1,
      rounds: 8,
    });
    const rounds = "well I think so I think so I think so I think so".split(" ");
    expect(findLoop(rounds)).toEqual({ start: 1, length: 3, rounds: 4 });
  });

  test("is not what people say for emphasis", () => {
    for (const text of [
      "no no no no",
      "very very very good",
      "bye bye bye bye bye",
      "go team go team",
    ])
      expect(findLoop(text.split(" "))).toBeUndefined();
  });

  test("is found wherever it stands, whatever the phrase", () => {
    const word = fc.constantFrom("a", "b", "c", "d", "e", "f", "g");
    const phrase = fc.uniqueArray(word, { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 5 }),
        phrase,
        fc.array(word, { maxLength: 5 }),
        (a, p, b) => {
          const looped = Array.from({ length: 8 }, () => p).flat();
          expect(findLoop([...a, ...looped, ...b])).toBeDefined();
        },
      ),
    );
  });

  test("is nowhere in words that are all different", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer(), { maxLength: 60 }), (numbers) => {
        expect(findLoop(numbers.map((one) => `w${one}`.replace("-", "m")))).toBeUndefined();
      }),
    );
    expect(findLoop([], defaultRepetitionLimits)).toBeUndefined();
  });
});

test("an invented phrase is known in any case, with any marks, and repeated", () => {
  expect(isPhantom(["Thank", "you."], "en")).toBe(true);
  expect(isPhantom("Thank you. Thank you.".split(" "), "en-US")).toBe(true);
  expect(isPhantom("Legendas pela comunidade Amara.org".split(" "), "pt")).toBe(true);
  expect(isPhantom("Thank you for your time".split(" "), "en")).toBe(false);
  expect(isPhantom(["Danke"], "de")).toBe(false);
});
