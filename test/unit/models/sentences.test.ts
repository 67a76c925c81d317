import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { splitLong, splitSentences } from "../../../gpu/models/marian/sentences.ts";

describe("cutting text into sentences", () => {
  test.each([
    ["One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]],
    ["He said “Go.” Then he went.", ["He said “Go.”", "Then he went."]],
    ["Mr. Smith met J. F. Kennedy. It rained.", ["Mr. Smith met J. F. Kennedy.", "It rained."]],
    ["A Sra. Silva chegou. ¿Quién? Ninguém.", ["A Sra. Silva chegou.", "¿Quién?", "Ninguém."]],
    ["It cost 3.50 euros. Fine.", ["It cost 3.50 euros.", "Fine."]],
    ["and so, e.g. this one", ["and so, e.g. this one"]],
    ["   ", []],
  ])("%j", (text, sentences) => {
    expect(splitSentences(text)).toEqual(sentences);
  });

  test("loses nothing but space", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "B", ".", "!", " ", "”", "é") }),
        (text) => {
          const bare = (value: string) => value.replaceAll(/\s/g, "");
          expect(bare(splitSentences(text).join(""))).toBe(bare(text));
        },
      ),
    );
  });
});

describe("cutting a long sentence", () => {
  const byLength = (text: string) => text.length;
  test("leaves a short one alone", () => {
    expect(splitLong("a, b", 10, byLength)).toEqual(["a, b"]);
  });
  test("cuts at the last comma that fits, else at a space", () => {
    expect(splitLong("one two, three four", 12, byLength)).toEqual(["one two,", "three four"]);
    expect(splitLong("one two three", 8, byLength)).toEqual(["one two", "three"]);
  });
  test("never gives a part over the limit, and loses no letter", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "b", ",", " "), minLength: 1, maxLength: 120 }),
        fc.integer({ min: 5, max: 30 }),
        (text, longest) => {
          const parts = splitLong(text.trim(), longest, byLength);
          for (const part of parts) expect(part.length).toBeLessThanOrEqual(longest);
          expect(parts.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
        },
      ),
    );
  });

  test("a text of thousands of words is measured a few times for each cut, not once for each word", () => {
    const words = Array.from({ length: 3000 }, () => "word").join(" ");
    let measured = 0;
    const parts = splitLong(
      words,
      120,
      (text) => ((measured += text.length), text.split(" ").length),
    );
    expect(parts.join(" ")).toBe(words);
    expect(measured / words.length).toBeLessThan(100);
  });
});
