import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  functionWordsOf,
  isClinging,
  isConjunction,
  isFunctionWord,
  isPreposition,
  listedLanguages,
} from "../../../gpu/session/clauses/function-words.ts";
import { markOf } from "../../../gpu/session/clauses/sentence-marks.ts";
import {
  isSpoken,
  normaliseWord,
  primarySubtag,
  spanMs,
  textOf,
} from "../../../gpu/session/clauses/words.ts";

test("a word is the same word in any case and with any marks around it", () => {
  expect(normaliseWord("“Hello,”")).toBe("hello");
  expect(normaliseWord("DON’T!")).toBe("don't");
  expect(normaliseWord("…São-Paulo…")).toBe("são-paulo");
  expect(normaliseWord("3.5")).toBe("3.5");
  expect(normaliseWord("—")).toBe("");
});

test("normalising twice changes nothing more", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(normaliseWord(normaliseWord(text))).toBe(normaliseWord(text));
    }),
  );
});

test("marks alone are not spoken", () => {
  expect(["♪", "—", "...", ""].map((text) => isSpoken(text))).toEqual([false, false, false, false]);
  expect(isSpoken("3")).toBe(true);
});

test("text and span of words", () => {
  const words = [
    { text: "one", startMs: 100, endMs: 900 },
    { text: " two ", startMs: 300, endMs: 500 },
  ];
  expect(textOf(words)).toBe("one two");
  expect(spanMs(words)).toBe(800);
  expect(spanMs([])).toBe(0);
});

test("only the primary subtag of a language counts", () => {
  expect(["pt-BR", "PT", "pt_br"].map((tag) => primarySubtag(tag))).toEqual(["pt", "pt", "pt"]);
  expect(isFunctionWord("da", "pt-BR")).toBe(true);
});

test("articles, prepositions and conjunctions of English, Portuguese and Spanish are listed", () => {
  expect(listedLanguages).toEqual(["en", "pt", "es"]);
  for (const word of ["the", "of", "and", "because"]) expect(isFunctionWord(word, "en")).toBe(true);
  for (const word of ["uma", "nos", "pelo", "porque"])
    expect(isFunctionWord(word, "pt")).toBe(true);
  for (const word of ["una", "del", "hacia", "aunque"])
    expect(isFunctionWord(word, "es")).toBe(true);
  expect(isFunctionWord("The,", "en")).toBe(true);
  expect(["goal", "country", "away"].map((word) => isFunctionWord(word, "en"))).toEqual([
    false,
    false,
    false,
  ]);
  expect(isConjunction("because", "en") && isPreposition("sobre", "es")).toBe(true);
});

test("words that lean on the next one may still end a clause", () => {
  for (const language of listedLanguages)
    for (const word of functionWordsOf(language)) expect(isClinging(word, language)).toBe(false);
  expect(isClinging("my", "en")).toBe(true);
  expect(isFunctionWord("my", "en")).toBe(false);
});

test("a language without lists has no function words", () => {
  expect(isFunctionWord("und", "de")).toBe(false);
  expect(functionWordsOf("de")).toEqual([]);
});

test("marks of sentences and clauses are told from abbreviations and numbers", () => {
  const marks = Object.fromEntries(
    ["over.", "over?!", "over.”", "over,", "over;", "over…", "so...", "word—", "word", "well-"].map(
      (word) => [word, markOf(word, "en")],
    ),
  );
  expect(marks).toEqual({
    "over.": "sentence",
    "over?!": "sentence",
    "over.”": "sentence",
    "over,": "clause",
    "over;": "clause",
    "over…": "clause",
    "so...": "clause",
    "word—": "clause",
    word: "none",
    "well-": "clause",
  });
  for (const word of ["Mr.", "U.S.", "a.m.", "e.g.", "J.", "etc."])
    expect(markOf(word, "en")).toBe("none");
  for (const word of ["Sra.", "S.A.", "pág."]) expect(markOf(word, "pt-BR")).toBe("none");
  for (const word of ["EE.UU.", "Ud.", "núm."]) expect(markOf(word, "es")).toBe("none");
  for (const word of ["3.", "1,000,", "R$10."]) expect(markOf(word, "pt")).toBe("number");
  expect(markOf("3.5", "en")).toBe("none");
  expect(markOf("I.", "en")).toBe("sentence");
  expect(markOf("終わり。", "ja")).toBe("sentence");
});
