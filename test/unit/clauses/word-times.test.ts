import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { partialTranscript } from "../../../gpu/session/clauses/partial-transcript.ts";
import { wordTimes } from "../../../gpu/session/clauses/word-times.ts";
import { say } from "./speech.arbitrary.ts";

const times = (text: string, ...speech: [number, number][]): [string, number, number][] =>
  wordTimes(
    text.split(" "),
    speech.map(([startMs, endMs]) => ({ startMs, endMs })),
    "en",
  ).map((word) => [word.text, Math.round(word.startMs), Math.round(word.endMs)]);

describe("words without times", () => {
  test("fill the speech that was heard, by their length", () => {
    expect(times("a banana", [1000, 2000])).toEqual([
      ["a", 1000, 1250],
      ["banana", 1250, 2000],
    ]);
  });

  test("keep a breath after a mark", () => {
    const [first, second] = times("Well, then", [0, 1000]);
    expect(first?.[2]).toBeLessThan(second?.[1] ?? 0);
    expect(second?.[2]).toBe(1000);
  });

  test("are divided at pauses where their marks are", () => {
    const heard = times("It is over. Now they go home", [0, 1100], [2000, 3500]);
    expect(heard.find(([word]) => word === "over.")?.[2]).toBe(1100);
    expect(heard.find(([word]) => word === "Now")?.[1]).toBe(2000);
  });

  test("are divided by an even rate where there are no marks", () => {
    const heard = times("they all run and then they stop there", [0, 1000], [1500, 3500]);
    const second = heard.filter(([, startMs]) => startMs >= 1500).length;
    expect(second).toBe(5);
  });

  test("leave a noise that is too short for any of them alone", () => {
    const heard = times("they all run over the field", [0, 60], [1000, 3000]);
    expect(heard.every(([, startMs]) => startMs >= 1000)).toBe(true);
  });

  test("a figure takes the time of its words", () => {
    const [, year] = times("in 1998", [0, 1000]);
    expect((year?.[2] ?? 0) - (year?.[1] ?? 0)).toBeGreaterThan(700);
  });

  test("have no times where nothing was heard", () => {
    expect(times("they run")).toEqual([]);
    expect(times("♪ —", [0, 1000])).toEqual([]);
  });
});

test("every word is placed once, in order, within the speech, and none overlaps the next", () => {
  const stretches = fc
    .uniqueArray(fc.integer({ min: 0, max: 15_000 }), { minLength: 2, maxLength: 12 })
    .map((edges) => edges.toSorted((a, b) => a - b))
    .map((edges) =>
      edges.flatMap((startMs, i) => {
        const endMs = edges[i + 1];
        return i % 2 === 0 && endMs !== undefined ? [{ startMs, endMs }] : [];
      }),
    );
  const texts = fc.array(fc.constantFrom("a", "goal.", "match,", "1998", "well...", "country"), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(texts, stretches, (words, speech) => {
      const placed = wordTimes(words, speech, "en");
      expect(placed.map((word) => word.text)).toEqual(words);
      let untilMs = Number.NEGATIVE_INFINITY;
      for (const { startMs, endMs } of placed) {
        expect(startMs).toBeGreaterThanOrEqual(untilMs - 1e-6);
        expect(endMs).toBeGreaterThan(startMs);
        const home = speech.find(
          (one) => one.startMs <= startMs + 1e-6 && endMs <= one.endMs + 1e-6,
        );
        expect(home).toBeDefined();
        untilMs = endMs;
      }
    }),
  );
});

test("a partial transcript tells how much of it stays", () => {
  expect(partialTranscript(say("The match", 500).words, say("has gone", 1100).words)).toEqual({
    startMs: 500,
    text: "The match has gone",
    stableChars: 9,
  });
  expect(partialTranscript([], say("has", 1100).words)).toMatchObject({ stableChars: 0 });
  expect(partialTranscript([], [])).toBeUndefined();
});
