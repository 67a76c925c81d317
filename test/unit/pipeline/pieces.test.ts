import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cutIntoPieces } from "../../../gpu/pipeline/pieces.ts";

const texts = (text: string, longest: number) =>
  cutIntoPieces(text, longest).map((piece) => piece.text);

describe("cutting text into what is spoken in one call", () => {
  test("keeps short stretches together, parts sentences", () => {
    expect(texts("Olá, mundo, sim. E agora?", 85)).toEqual(["Olá, mundo, sim.", "E agora?"]);
  });

  test("cuts at commas when a sentence is too long", () => {
    expect(texts("A impressão, portanto, pode ser considerada arte", 25)).toEqual([
      "A impressão, portanto,",
      "pode ser considerada arte",
    ]);
  });

  test("cuts before a phrase where there is no mark", () => {
    expect(texts("a arte de fazer livros com tipos que se movem bem", 30)).toEqual([
      "a arte de fazer livros",
      "com tipos que se movem bem",
    ]);
  });

  test("pauses longest after a sentence, less after a comma, not after the last", () => {
    const [sentence, comma, last] = cutIntoPieces(
      "Um dois três. Quatro cinco seis, sete oito nove",
      20,
    );
    expect(sentence?.pauseMs).toBeGreaterThan(comma?.pauseMs ?? 0);
    expect(comma?.pauseMs).toBeGreaterThan(0);
    expect(last?.pauseMs).toBe(0);
  });

  test("has nothing for text without letters", () => {
    expect(texts(" ... ?! ", 85)).toEqual([]);
  });

  test("loses no word, cuts no word, and exceeds the limit only by a single long word", () => {
    const word = fc.string({
      unit: fc.constantFrom("a", "ç", "e", "1"),
      minLength: 1,
      maxLength: 12,
    });
    const mark = fc.constantFrom("", "", "", ",", ".", ";", "?", " —");
    const sentence = fc.array(fc.tuple(word, mark), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(sentence, fc.integer({ min: 10, max: 60 }), (parts, longest) => {
        const text = parts.map(([letters, sign]) => letters + sign).join(" ");
        const pieces = texts(text, longest);
        const wordsOf = (value: string) => value.match(/[\p{L}\p{N}]+/gu) ?? [];
        expect(wordsOf(pieces.join(" "))).toEqual(wordsOf(text));
        for (const piece of pieces)
          if (wordsOf(piece).length > 1) expect(piece.length).toBeLessThanOrEqual(longest + 2);
      }),
    );
  });
});
