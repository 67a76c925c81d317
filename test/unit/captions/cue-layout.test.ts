import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { columnsOf, graphemesOf } from "../../../src/captions/atoms.ts";
import { breakText } from "../../../src/captions/break-text.ts";
import {
  barestCueMs,
  type CaptionUnit,
  type Cue,
  layOutCues,
  mostCharactersPerSecond,
  shortestCueMs,
} from "../../../src/captions/cue-layout.ts";
import { CueTrack } from "../../../src/captions/cue-track.ts";

const vocabulary = [
  ..."the and of goal match he scored! Messi, shoots — right. para o gol, Incrível!".split(" "),
  ..."مرحبا بالعالم، שלום עולם. 今日は良い天気です。我们在这里 สวัสดีครับ 👨‍👩‍👧‍👦 🇧🇷 e\u0301te\u0301 <b>x</b> a&b --> {y}".split(
    " ",
  ),
  "https://example.org/a/very/long/address/that/fits/on/no/line/of/any/caption",
  "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen",
];
const sentence = fc
  .array(
    fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...vocabulary) },
      fc.string({ unit: "grapheme", maxLength: 60 }),
    ),
    {
      minLength: 1,
      maxLength: 40,
    },
  )
  .map((words) => words.join(" "));
const units = fc
  .array(
    fc.record({
      text: sentence,
      gapMs: fc.integer({ min: -300, max: 3000 }),
      lengthMs: fc.integer({ min: 0, max: 8000 }),
    }),
    { maxLength: 12 },
  )
  .map((list) => {
    let atMs = 0;
    return list.map(({ text, gapMs, lengthMs }): CaptionUnit => {
      const startMs = Math.max(0, atMs + gapMs);
      atMs = startMs + lengthMs;
      return { text, startMs, endMs: atMs };
    });
  });

const letters = (text: string) => text.replaceAll(/[\s\p{Cc}]+/gu, "");
const shown = (cues: readonly Cue[]) => letters(cues.map(({ lines }) => lines.join(" ")).join(" "));

function expectLegible(cues: readonly Cue[]): void {
  for (const [index, cue] of cues.entries()) {
    expect(cue.lines.length).toBeWithin(1, 3);
    for (const line of cue.lines) {
      expect(columnsOf(line)).toBeLessThanOrEqual(42);
      expect(line.trim()).toBe(line);
      expect(line).not.toBe("");
    }
    const next = cues[index + 1];
    if (next) expect(next.startMs).toBeGreaterThanOrEqual(cue.endMs);
    const lengthMs = cue.endMs - cue.startMs;
    expect(lengthMs).toBeGreaterThanOrEqual(barestCueMs);
    // A line break may stand for a blank or, within a very long word, for nothing.
    const characters = cue.lines.reduce((sum, line) => sum + graphemesOf(line).length, 0);
    const isFast = (characters * 1000) / lengthMs > mostCharactersPerSecond + 0.02;
    if (isFast) expect(cue.tooFast).toBe(true);
    // What is too fast or too short has been drawn out as far as the next cue lets it.
    if (next && (cue.tooFast || lengthMs < shortestCueMs)) expect(next.startMs).toBe(cue.endMs);
    if (!next) expect(cue.tooFast).toBe(false);
  }
}

describe("any text", () => {
  test("keeps within two lines of 42 and 17 characters a second, or is drawn out to the next cue and marked", () => {
    fc.assert(
      fc.property(units, (list) => expectLegible(layOutCues(list))),
      { numRuns: 150 },
    );
  });

  test("loses no word, doubles none and keeps their order", () => {
    fc.assert(
      fc.property(units, (list) => {
        const ordered = list.toSorted((a, b) => a.startMs - b.startMs);
        const said = letters(ordered.map(({ text }) => text.toWellFormed()).join(" "));
        expect(shown(layOutCues(list))).toBe(said);
      }),
      { numRuns: 150 },
    );
  });

  test("comes out the same, clause by clause, as long as nobody has seen it", () => {
    fc.assert(
      fc.property(units, (list) => {
        const track = new CueTrack(1000);
        for (const unit of list) track.add(unit);
        expect([...track.cues]).toEqual(layOutCues(list));
      }),
      { numRuns: 50 },
    );
  });

  test("published cues never change, and nothing overlaps them", () => {
    fc.assert(
      fc.property(units, fc.integer({ min: 1, max: 5 }), (list, every) => {
        const track = new CueTrack(1000);
        let seen: Cue[] = [];
        for (const [index, unit] of list.entries()) {
          track.add(unit);
          expect(track.cues.slice(0, seen.length)).toEqual(seen);
          if (index % every !== 0) continue;
          track.publish(unit.endMs - 500);
          seen = track.cues.filter(({ startMs }) => startMs < unit.endMs - 500);
        }
        const cues = track.cues;
        for (const [index, cue] of cues.entries())
          if (index > 0) expect(cue.startMs).toBeGreaterThanOrEqual(cues[index - 1]!.endMs);
      }),
      { numRuns: 100 },
    );
  });
});

describe("breaks", () => {
  test("stand at the ends of phrases, not after an article or a preposition", () => {
    const text =
      "The referee looks at the monitor for a very long time, and the whole stadium waits for the decision of the day.";
    const cues = breakText(text).map(({ lines }) => lines);
    expect(cues.flat().join(" ")).toBe(text);
    expect(cues[0]?.join(" ")).toEndWith("time,");
    for (const line of cues.flat()) expect(line).not.toMatch(/ (the|a|of|for|and)$/);
  });

  test("leave a text that fits on one line alone", () => {
    expect(breakText("Goal for Brazil!").map(({ lines }) => lines)).toEqual([["Goal for Brazil!"]]);
  });

  test("of Japanese stand between its words although it has no blanks", () => {
    const text = "今日はとても良い天気なので、みんなで公園に行って、お弁当を食べることにしました。";
    const lines = breakText(text).flatMap((cue) => cue.lines);
    expect(lines.join("")).toBe(text);
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines.slice(1)) expect(line).not.toMatch(/^[、。]/);
  });

  test("never part a family emoji or a flag", () => {
    const text = "👨‍👩‍👧‍👦🇧🇷".repeat(30);
    for (const line of breakText(text).flatMap((cue) => cue.lines))
      expect(line).toMatch(/^(👨‍👩‍👧‍👦|🇧🇷)+$/u);
  });
});

describe("times", () => {
  const long =
    "He takes the ball on the left, he beats one man, he beats two, and he puts it into the far corner of the net.";

  test("of a long clause follow its words where they are known", () => {
    const words = long.split(" ");
    const timed = words.map((word, index) => ({
      word,
      startMs: 10_000 + index * 500,
      endMs: 10_000 + index * 500 + 400,
    }));
    const unit = { text: long, startMs: 10_000, endMs: 10_000 + words.length * 500, words: timed };
    const cues = layOutCues([unit]);
    expect(cues.length).toBe(2);
    const firstOfSecond = cues[1]!.lines[0]!.split(" ")[0]!;
    const before = cues[0]!.lines.join(" ").split(" ").length;
    expect(words[before]).toBe(firstOfSecond);
    expect(cues[1]!.startMs).toBe(timed[before]!.startMs);
  });

  test("go by the share of the text where they are not, or where the words are other ones", () => {
    const plain = { text: long, startMs: 0, endMs: 10_000 };
    const cues = layOutCues([plain]);
    const share =
      graphemesOf(cues[0]!.lines.join("").replaceAll(" ", "")).length /
      graphemesOf(long.replaceAll(" ", "")).length;
    expect(Math.abs(cues[1]!.startMs - share * 10_000)).toBeLessThan(2);
    expect(layOutCues([{ ...plain, words: [{ word: "x", startMs: 0, endMs: 1 }] }])).toEqual(cues);
  });

  test("of a short word last a second, unless the next is due; short gaps are closed, long ones stay", () => {
    const unit = (text: string, startMs: number, endMs: number) => ({ text, startMs, endMs });
    const cues = layOutCues([
      unit("Yes!", 1000, 1200),
      unit("No.", 5000, 5300),
      unit("Why?", 5600, 6500),
      unit("So.", 6700, 7900),
    ]);
    expect(cues.map(({ startMs, endMs }) => [startMs, endMs])).toEqual([
      [1000, 2000],
      [5000, 5600],
      [5600, 6700],
      [6700, 7900],
    ]);
  });

  test("of speech faster than anyone reads are marked, not hidden", () => {
    const fast = "Goalgoalgoal goal goal goal goal goal goal.";
    const cues = layOutCues([
      { text: fast, startMs: 0, endMs: 1000 },
      { text: "And again.", startMs: 1100, endMs: 2000 },
    ]);
    expect(cues.map(({ tooFast }) => tooFast)).toEqual([true, false]);
    expect(cues[0]!.endMs).toBe(1100);
  });
});
