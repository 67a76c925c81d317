import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Clause,
  type CutterInput,
  cutClauses,
  noCuts,
  tallied,
} from "../../../gpu/session/clauses/clause-cutter.ts";
import {
  type CutterLimits,
  clauseCapMs,
  defaultCutterLimits,
} from "../../../gpu/session/clauses/cutter-limits.ts";
import { isFunctionWord } from "../../../gpu/session/clauses/function-words.ts";
import { spanMs } from "../../../gpu/session/clauses/words.ts";
import { type Speech, endOf, say, speech } from "./speech.arbitrary.ts";

const limitsOf = (capMs: number): CutterLimits => ({ ...defaultCutterLimits, capMs });

const inputOf = (said: Speech, over: Partial<CutterInput> = {}): CutterInput => ({
  ...said,
  settledUntilMs: endOf(said),
  language: "en",
  limits: limitsOf(4000),
  ...over,
});

const cut = (text: string, over: Partial<CutterInput> = {}): string[] => {
  const { clauses, rest } = cutClauses(inputOf(say(text), over));
  return [
    ...clauses.map((one) => `${one.text} <${one.reason}>`),
    rest.map((w) => w.text).join(" "),
  ];
};

/**
 * Feeds the words in portions, as passes commit them, and gives the clauses of the whole.
 *
 * @param ahead the detector has heard all that can be heard before the next word is known
 */
function inPortions(
  said: Speech,
  sizes: readonly number[],
  limits: CutterLimits,
  ahead = false,
): Clause[] {
  const clauses: Clause[] = [];
  let rest: CutterInput["words"] = [];
  let fed = 0;
  for (let turn = 0; fed < said.words.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    const fresh = said.words.slice(fed, fed + size);
    fed += fresh.length;
    const heardMs = ahead ? (said.words[fed]?.endMs ?? endOf(said)) - 1 : 0;
    const settledUntilMs = Math.max(fresh.at(-1)?.endMs ?? 0, heardMs);
    const known = said.silences
      .filter((silence) => silence.startMs < settledUntilMs)
      .map((silence) => ({ ...silence, endMs: Math.min(silence.endMs, settledUntilMs) }));
    const words = [...rest, ...fresh];
    const step = cutClauses({ words, silences: known, settledUntilMs, language: "en", limits });
    clauses.push(...step.clauses);
    rest = step.rest;
  }
  const settledUntilMs = endOf(said);
  const last = cutClauses({
    words: rest,
    silences: said.silences,
    settledUntilMs,
    language: "en",
    limits,
    demand: "end",
  });
  return [...clauses, ...last.clauses];
}

const caps = fc.integer({ min: 1500, max: 6000 });
const portions = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 });

describe("a clause ends", () => {
  test("at a sentence mark", () => {
    expect(cut("The match has now begun. They")).toEqual([
      "The match has now begun. <sentence>",
      "They",
    ]);
    expect(cut("Is it over now? Yes")).toEqual(["Is it over now? <sentence>", "Yes"]);
    expect(cut("He said “we won today.” Then")).toEqual([
      "He said “we won today.” <sentence>",
      "Then",
    ]);
  });

  test("at a comma, once it has 20 characters", () => {
    expect(cut("Before that long evening game, they")).toEqual([
      "Before that long evening game, <comma>",
      "they",
    ]);
    expect(cut("My dear big dog, they")).toEqual(["My dear big dog, they"]);
  });

  test("at a silence of 0.7 s", () => {
    expect(cut("and then they score | 0.7 | again")).toEqual([
      "and then they score <silence>",
      "again",
    ]);
    expect(cut("and then they score | 0.6 | again")).toEqual(["and then they score again"]);
  });

  test("at a silence that is still going on, as soon as it is long enough", () => {
    expect(cut("and then they score | 0.5")).toEqual(["and then they score"]);
    expect(cut("and then they score | 0.8")).toEqual(["and then they score <silence>", ""]);
  });

  test("but not at a silence after a function word: the speaker is looking for the rest", () => {
    expect(cut("and they play for the | 0.9 | cup")).toEqual(["and they play for the cup"]);
  });

  test("nor at a full stop after a function word", () => {
    expect(cut("they all come out of the. Stadium")).toEqual(["they all come out of the. Stadium"]);
  });

  test("at the best boundary before its latest safe moment, when nothing else ends it", () => {
    const text =
      "the players walk slowly over the grass because rain has made everything very wet today here";
    expect(cut(text)).toEqual([
      "the players walk slowly over the grass <cap>",
      "because rain has made everything very wet today here",
    ]);
  });
});

describe("abbreviations and numbers", () => {
  test("are no sentence ends", () => {
    expect(cut("we met old Mr. Smith")).toEqual(["we met old Mr. Smith"]);
    expect(cut("it grew about 3.5 percent")).toEqual(["it grew about 3.5 percent"]);
    expect(cut("all over the U.S. economy")).toEqual(["all over the U.S. economy"]);
    expect(cut("says the great J. Smith")).toEqual(["says the great J. Smith"]);
    expect(cut("he wears shirt No. 5 today")).toEqual(["he wears shirt No. 5 today"]);
    expect(cut("custa R$ 10 mil ao Dr. Silva", { language: "pt" })).toEqual([
      "custa R$ 10 mil ao Dr. Silva",
    ]);
  });

  test("a number that recognition has divided stays whole", () => {
    expect(cut("it grew by around 3. 5 percent")).toEqual(["it grew by around 3. 5 percent"]);
    expect(cut("that was in early 1998. Then")).toEqual([
      "that was in early 1998. <sentence>",
      "Then",
    ]);
  });

  test("a number at the end waits until it is known whether it goes on", () => {
    expect(cut("that was in early 1998.")).toEqual(["that was in early 1998."]);
    expect(cut("that was in early 1998. | 0.3")).toEqual([
      "that was in early 1998. <sentence>",
      "",
    ]);
  });

  test("“No.” is an answer where no figure follows", () => {
    expect(cut("he simply told me No. Then")).toEqual(["he simply told me No. <sentence>", "Then"]);
  });
});

describe("pieces under 1 s", () => {
  test("join the next", () => {
    expect(cut("Yes. The match has begun. They")).toEqual([
      "Yes. The match has begun. <sentence>",
      "They",
    ]);
    expect(cut("Yes. | 0.9 | The match begins. They")).toEqual([
      "Yes. The match begins. <sentence>",
      "They",
    ]);
  });

  test("stand alone before a long silence, and at the end", () => {
    expect(cut("Yes. | 1.6 | The match")).toEqual(["Yes. <sentence>", "The match"]);
    expect(cut("Yes.", { demand: "end" })).toEqual(["Yes. <end>", ""]);
  });

  test("end of themselves when nobody came before their latest safe moment", () => {
    const limits = limitsOf(1400);
    expect(cut("Oh yes. | 1.2", { limits })).toEqual(["Oh yes. <sentence>", ""]);
  });
});

describe("on demand", () => {
  test("one clause is given early, cut at the best place", () => {
    expect(cut("they play in the rain and the", { demand: "ordered" })).toEqual([
      "they play in the rain <ordered>",
      "and the",
    ]);
  });

  test("at the end everything is given", () => {
    expect(cut("they all play for the", { demand: "end" })).toEqual([
      "they all play for the <end>",
      "",
    ]);
    const { clauses } = cutClauses(inputOf(say("they all play for the"), { demand: "end" }));
    expect(clauses[0]).toMatchObject({ forced: true, poorEnd: true });
  });
});

test("the cap is the preset, or what the playout delay and the measured synthesis leave", () => {
  expect(clauseCapMs(2500, 4000, 0.4)).toBeCloseTo(2137, 0);
  expect(clauseCapMs(4000, 6000, 0.4)).toBeCloseTo(3750, 0);
  expect(clauseCapMs(6000, 7500, 0.4)).toBeCloseTo(4960, 0);
  expect(clauseCapMs(4000, 6000, 0.8)).toBeCloseTo(3100, 0);
  expect(clauseCapMs(4000, 6000, 1.2)).toBeCloseTo(2114, 0);
  expect(clauseCapMs(4000, 6000, 0.05)).toBe(4000);
  expect(clauseCapMs(4000, undefined, 3)).toBe(4000);
  expect(clauseCapMs(4000, 1000, 0.4)).toBe(1800);
});

test("cuts are counted by reason, forced ones and poor ends apart", () => {
  const first = cutClauses(
    inputOf(say("The match has now begun. They play for the"), { demand: "end" }),
  );
  const tally = tallied(tallied(noCuts, first.clauses), []);
  expect(tally).toMatchObject({ clauses: 2, forced: 1, poorEnds: 1 });
  expect(tally.byReason).toMatchObject({ sentence: 1, end: 1, comma: 0 });
});

describe("whatever is said", () => {
  test("no word is lost or doubled, and the order is kept", () => {
    fc.assert(
      fc.property(speech, caps, portions, (said, capMs, sizes) => {
        const clauses = inPortions(said, sizes, limitsOf(capMs));
        expect(clauses.flatMap((clause) => clause.words)).toEqual([...said.words]);
        expect(clauses.every((clause) => clause.words.length > 0)).toBe(true);
      }),
    );
  });

  test("no clause is longer than its cap", () => {
    fc.assert(
      fc.property(speech, caps, portions, (said, capMs, sizes) => {
        for (const clause of inPortions(said, sizes, limitsOf(capMs)))
          expect(spanMs(clause.words)).toBeLessThanOrEqual(capMs);
      }),
    );
  });

  test("the same words in other portions give the same clauses", () => {
    fc.assert(
      fc.property(speech, caps, portions, portions, (said, capMs, one, other) => {
        const limits = limitsOf(capMs);
        const clauses = inPortions(said, one, limits);
        expect(inPortions(said, other, limits)).toEqual(clauses);
        expect(inPortions(said, other, limits, true)).toEqual(clauses);
      }),
      { numRuns: 400 },
    );
  });

  test("no clause ends in a function word, unless it was forced and is counted so", () => {
    fc.assert(
      fc.property(speech, caps, portions, (said, capMs, sizes) => {
        const clauses = inPortions(said, sizes, limitsOf(capMs));
        const poor = clauses.filter((one) => isFunctionWord(one.words.at(-1)?.text ?? "", "en"));
        expect(poor.every((clause) => clause.forced)).toBe(true);
        expect(tallied(noCuts, clauses).poorEnds).toBe(poor.length);
      }),
    );
  });

  test("a forced cut ends in a function word only when no other place was there", () => {
    fc.assert(
      fc.property(speech, caps, (said, capMs) => {
        const clauses = inPortions(said, [3], limitsOf(capMs));
        for (const clause of clauses.filter((one) => one.reason === "cap" && one.poorEnd)) {
          const others = clause.words.slice(0, -1).filter((one) => !isFunctionWord(one.text, "en"));
          const ended = /[.!?”]$/.test(clause.words.at(-1)?.text ?? "");
          expect(ended || others.length === 0).toBe(true);
        }
      }),
    );
  });

  test("one word without end is cut into clauses of bounded length", () => {
    const words = Array.from({ length: 3000 }, (_, i) => ({ text: "goal", startMs: i, endMs: i }));
    const { clauses, rest } = cutClauses(inputOf({ words, silences: [] }));
    expect(clauses.flatMap((one) => one.words).length + rest.length).toBe(3000);
    expect(Math.max(...clauses.map((one) => one.words.length))).toBeLessThanOrEqual(64);
    expect(rest.length).toBeLessThan(64);
  });

  test("times that are no numbers lose no word", () => {
    const words = [Number.NaN, 5, Number.POSITIVE_INFINITY, 1].map((startMs, i) => ({
      text: `w${i}`,
      startMs,
      endMs: startMs + 1,
    }));
    const { clauses, rest } = cutClauses(inputOf({ words, silences: [] }, { demand: "end" }));
    expect([...clauses.flatMap((one) => one.words), ...rest]).toEqual(words);
  });
});
