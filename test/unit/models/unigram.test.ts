import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { UnigramVocabulary } from "../../../gpu/models/marian/unigram.ts";

type Piece = readonly [string, number];
const specials: Piece[] = [
  ["</s>", 0],
  ["<unk>", 0],
];
const small: Piece[] = [
  ...specials,
  ["\u2581", -3],
  ["a", -2],
  ["b", -2.5],
  ["ab", -3],
  ["ba", -3.2],
  ["aba", -6],
  ["\u2581a", -3.5],
  ["\u2581ab", -4],
];

/** Every way to write the text in pieces, and the best score among them. */
function bestByTrying(text: string, pieces: readonly Piece[]): number {
  if (text === "") return 0;
  let best = -Infinity;
  for (const [piece, score] of pieces.slice(2))
    if (text.startsWith(piece))
      best = Math.max(best, score + bestByTrying(text.slice(piece.length), pieces));
  return best;
}

describe("Unigram segmentation", () => {
  const vocabulary = new UnigramVocabulary(small);

  test("takes the most probable pieces, not the longest", () => {
    expect(vocabulary.encode("aba").map((id) => small[id]?.[0])).toEqual(["\u2581ab", "a"]);
  });

  test("scores as the best of all segmentations, for any text of its letters", () => {
    const words = fc.array(
      fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 6 }),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(words, (list) => {
        const ids = vocabulary.encode(list.join(" "));
        const score = ids.reduce((sum, id) => sum + small[id]![1], 0);
        const text = `\u2581${list.join("\u2581")}`;
        expect(score).toBeCloseTo(bestByTrying(text, small), 10);
        expect(ids.map((id) => small[id]![0]).join("")).toBe(text);
      }),
    );
  });

  test("gives back what it was given, for text it can spell", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "b", " ") }), (text) => {
        const tidy = text.trim().replace(/ +/g, " ");
        expect(vocabulary.decode(vocabulary.encode(text))).toBe(tidy);
      }),
    );
  });

  test("marks an unknown character once, whole, even beyond the basic plane", () => {
    expect(vocabulary.encode("a\u{1F600}b")).toEqual([8, 1, 4]);
    expect(vocabulary.encode("x")).toEqual([2, 1]);
  });

  test("normalises full-width letters and runs of space, and has nothing for blank text", () => {
    expect(vocabulary.encode("\uff41 \t \uff42")).toEqual(vocabulary.encode("a b"));
    expect(vocabulary.encode(" \n ")).toEqual([]);
  });
});
