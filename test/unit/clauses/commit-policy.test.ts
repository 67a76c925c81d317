import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type CommitState,
  type Pass,
  commitAgreed,
  commitAll,
  defaultCommitLimits,
  forgetTentative,
  nothingHeard,
  takenBack,
} from "../../../gpu/session/clauses/commit-policy.ts";
import type { TimedWord } from "../../../gpu/session/clauses/words.ts";
import { say } from "./speech.arbitrary.ts";

const texts = (words: readonly TimedWord[]): string => words.map((word) => word.text).join(" ");
const pass = (text: string, heardUntilMs: number, fromMs = 0): Pass => ({
  words: say(text, fromMs).words,
  fromMs,
  heardUntilMs,
});

/** Runs passes one after another and gives what each committed. */
function run(...passes: readonly Pass[]): string[] {
  let state: CommitState = nothingHeard;
  return passes.map((one) => {
    const step = commitAgreed(state, one);
    state = step.state;
    return texts(step.committed);
  });
}

describe("two passes that agree", () => {
  test("commit their common beginning", () => {
    expect(run(pass("the match has begun", 1300), pass("the match has gone in", 1800))).toEqual([
      "",
      "the match has",
    ]);
  });

  test("agree whatever the case and the marks; the newer spelling is taken", () => {
    expect(run(pass("hello world", 1000), pass("Hello, world. And", 1500))).toEqual([
      "",
      "Hello, world.",
    ]);
  });

  test("do not agree on a word at another time", () => {
    expect(run(pass("no", 700), pass("no", 1700, 900))).toEqual(["", ""]);
  });

  test("do not commit a word that may be cut by the end of the sound", () => {
    expect(run(pass("a crowd", 620), pass("a crowd", 690))).toEqual(["", ""]);
    expect(run(pass("a crowd", 600), pass("a crowd", 720))).toEqual(["", "a crowd"]);
    expect(run(pass("a crowd", 400), pass("a crowd", 600))).toEqual(["", "a"]);
  });

  test("are two opinions only when the second heard more", () => {
    const words = "the match has begun";
    expect(run(pass(words, 1500), pass(words, 1500), pass(words, 1650))).toEqual(["", "", words]);
  });
});

describe("a word that is committed", () => {
  test("is known again in every later pass, and not committed twice", () => {
    const heard = "the match has begun in the rain";
    expect(
      run(
        pass("the match has", 1000),
        pass("the match has begun", 1400),
        pass(heard, 2300),
        pass(heard, 2500),
      ),
    ).toEqual(["", "the match has", "begun", "in the rain"]);
  });

  test("is not taken for the same words said again in place of a word that the window cuts", () => {
    const said = say("the the well is well is the the");
    const first = commitAll(nothingHeard, { ...said, fromMs: 0, heardUntilMs: 1200 }, 1200);
    expect(texts(first.committed)).toBe("the the well is");
    const words = [{ text: "ah", startMs: 950, endMs: 1200 }, ...said.words.slice(4)];
    const second = commitAll(first.state, { words, fromMs: 950, heardUntilMs: 2600 });
    expect(texts(second.committed)).toBe("well is the the");
  });

  test("is known again by its words where its time was never measured", () => {
    const laid = say("in the middle of", 600).words.map((word) => ({ ...word, laid: true }));
    const first = commitAll(nothingHeard, { words: laid, fromMs: 0, heardUntilMs: 1800 });
    const later = pass("the middle of the 15th century", 4000, 1500); // the speaker is slower than that
    expect(texts(commitAll(first.state, later).committed)).toBe("the 15th century");
  });

  test("is not confused with the same word said again", () => {
    const first = commitAll(nothingHeard, pass("very", 400));
    const second = commitAll(first.state, pass("very good", 1200, 400));
    expect(texts(second.committed)).toBe("very good");
  });

  test("is known again in a window that begins later and therefore times it otherwise", () => {
    const first = commitAll(nothingHeard, pass("in the middle of the 15th", 2000));
    const later = pass("middle of the 15th century", 3000, 900);
    expect(texts(commitAll(first.state, later).committed)).toBe("century");
  });

  test("is not confused with the same words said again, in a window that begins after them", () => {
    const first = commitAll(nothingHeard, pass("go team", 700));
    expect(texts(commitAll(first.state, pass("go team go", 1700, 600)).committed)).toBe(
      "go team go",
    );
  });

  test("is known again behind a word that the window's beginning cuts, though the same words follow", () => {
    const said = say("the the the goes the goes the the");
    const first = commitAll(nothingHeard, { ...said, fromMs: 0, heardUntilMs: 1500 }, 1500);
    expect(texts(first.committed)).toBe("the the the goes the");
    const cut = { text: "ah", startMs: 750, endMs: 900 };
    const words = [cut, ...said.words.slice(3)];
    const second = commitAll(first.state, { words, fromMs: 750, heardUntilMs: 2600 });
    expect(texts(second.committed)).toBe("goes the the");
  });

  test("is told by its time when a later pass hears something else there", () => {
    const first = commitAll(nothingHeard, pass("printing press", 700));
    const second = commitAll(first.state, pass("sprinting dress is new", 1400));
    expect(texts(second.committed)).toBe("is new");
  });
});

test("a word that is committed is known again behind words that the window's beginning invents", () => {
  const first = commitAll(nothingHeard, pass("as picture books", 900));
  const invented = ["to", "be", "found,", "the", "book's"].map((text) => ({
    text,
    startMs: 10,
    endMs: 30,
  }));
  const words = [...invented, ...say("as picture books consist", 40).words.slice(1)];
  const second = commitAll(first.state, { words, fromMs: 10, heardUntilMs: 1300 });
  expect(texts(second.committed)).toBe("consist");
});

test("words that were taken back are an opinion, and what is heard in their place is committed", () => {
  const first = commitAll(nothingHeard, pass("line Bible of about 14", 1500));
  const back = takenBack(first.state, 2);
  expect(texts(back.tail)).toBe("line Bible of");
  expect(texts(back.tentative)).toBe("about 14");
  const second = commitAll(back, pass("of about 1455.", 2100, 600));
  expect(texts(second.committed)).toBe("about 1455.");
  expect(takenBack(first.state, 0)).toBe(first.state);
  expect(takenBack(first.state, 99).tail).toEqual([]);
});

test("the pass at a clause's end commits all at once", () => {
  const first = commitAgreed(nothingHeard, pass("the match", 700));
  const last = commitAll(first.state, pass("the match has begun.", 1200));
  expect(texts(last.committed)).toBe("the match has begun.");
  expect(last.tentative).toEqual([]);
});

test("the pass at the latest safe moment commits what ends by then, and the rest waits for more sound", () => {
  const step = commitAll(nothingHeard, pass("the match has beg", 1200), 900);
  expect(texts(step.committed)).toBe("the match has");
  expect(texts(step.tentative)).toBe("beg");
  const next = commitAll(step.state, pass("begun", 1500, 900));
  expect(texts(next.committed)).toBe("begun");
});

test("how much two passes may differ can be set", () => {
  const first = commitAgreed(nothingHeard, pass("goal", 700));
  const moved = pass("goal", 1500, 300);
  expect(texts(commitAgreed(first.state, moved).committed)).toBe("goal");
  const strict = { ...defaultCommitLimits, toleranceMs: 200 };
  expect(texts(commitAgreed(first.state, moved, strict).committed)).toBe("");
});

test("a refused pass is no opinion", () => {
  const first = commitAgreed(nothingHeard, pass("thank you", 700));
  const next = commitAgreed(forgetTentative(first.state), pass("thank you", 1200));
  expect(next.committed).toEqual([]);
});

test("marks without a sound and times that are no numbers are not words", () => {
  const odd = { text: "word", startMs: Number.NaN, endMs: 1 };
  const step = commitAll(nothingHeard, {
    words: [{ text: "♪", startMs: 0, endMs: 1 }, odd, ...say("yes").words],
    fromMs: 0,
    heardUntilMs: 400,
  });
  expect(texts(step.committed)).toBe("yes");
});

describe("whatever the passes", () => {
  const truth = fc
    .array(
      fc.record({
        text: fc.constantFrom("no", "yes", "the", "goal", "match", "and", "rain"),
        lengthMs: fc.integer({ min: 250, max: 600 }),
        gapMs: fc.integer({ min: 0, max: 500 }),
      }),
      { minLength: 1, maxLength: 40 },
    )
    .map((steps) => {
      let atMs = 0;
      return steps.map(({ text, lengthMs, gapMs }) => {
        const word = { text, startMs: atMs, endMs: atMs + lengthMs };
        atMs += lengthMs + gapMs;
        return word;
      });
    });

  test("words that are recognised right are committed once each, in order, in spite of unsteady times", () => {
    const jitters = fc.array(fc.integer({ min: -60, max: 60 }), { minLength: 7, maxLength: 7 });
    const steps = fc.array(fc.integer({ min: 200, max: 1500 }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(
        truth,
        jitters,
        steps,
        fc.integer({ min: 0, max: 6 }),
        (words, jitter, stepMs, seen) => {
          const endMs = words.at(-1)?.endMs ?? 0;
          const committed: TimedWord[] = [];
          let state = nothingHeard;
          let turn = 0;
          for (let heardUntilMs = 300; heardUntilMs < endMs + 1500; turn++) {
            // A window begins some words before what is committed, as a session's does.
            const fromMs = committed.at(-Math.max(1, seen))?.startMs ?? 0;
            const heard = words
              .filter((word) => word.startMs >= fromMs - 60 && word.endMs <= heardUntilMs)
              .map((word, i) => {
                const shift = jitter[(i + turn) % jitter.length] ?? 0;
                return { ...word, startMs: word.startMs + shift, endMs: word.endMs + shift };
              });
            const step = commitAgreed(state, { words: heard, fromMs, heardUntilMs });
            committed.push(...step.committed);
            state = step.state;
            heardUntilMs += stepMs[turn % stepMs.length] ?? 500;
          }
          const restMs = committed.at(-1)?.startMs ?? 0;
          const rest = words.filter((word) => word.startMs >= restMs - 60);
          committed.push(
            ...commitAll(state, { words: rest, fromMs: restMs, heardUntilMs: endMs + 3000 })
              .committed,
          );
          expect(texts(committed)).toBe(texts(words));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("times of committed words never run back, and memory stays bounded", () => {
    const anyWord = fc.record({
      text: fc.constantFrom("a", "b", "c", "—"),
      startMs: fc.double({ min: -1e4, max: 1e5 }),
      endMs: fc.double({ min: -1e4, max: 1e5 }),
    });
    const anyPass = fc.record({
      words: fc.array(anyWord, { maxLength: 12 }),
      fromMs: fc.double({ min: 0, max: 1e5, noNaN: true }),
      heardUntilMs: fc.double({ min: 0, max: 1e5, noNaN: true }),
      all: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyPass, { maxLength: 12 }), (passes) => {
        let state = nothingHeard;
        let untilMs = Number.NEGATIVE_INFINITY;
        for (const { all, ...one } of passes) {
          const step = (all ? commitAll : commitAgreed)(state, one);
          for (const word of step.committed) {
            expect(word.startMs).toBeGreaterThanOrEqual(untilMs);
            expect(word.endMs).toBeGreaterThanOrEqual(word.startMs);
            untilMs = word.endMs;
          }
          state = step.state;
          expect(state.tail.length).toBeLessThanOrEqual(64);
        }
      }),
    );
  });
});
