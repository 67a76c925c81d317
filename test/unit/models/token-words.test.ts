import { expect, test } from "bun:test";
import { wordsOfTokens } from "../../../gpu/models/whisper/token-words.ts";

/** A tokenizer whose tokens are given pieces of UTF-8, as byte-level ones are. */
function wordsOf(pieces: readonly (string | readonly number[])[], unspaced = false) {
  const bytes = pieces.map((piece) =>
    typeof piece === "string" ? new TextEncoder().encode(piece) : Uint8Array.from(piece),
  );
  const words = wordsOfTokens(
    pieces.map((_, id) => id),
    {
      decode: (ids) => new TextDecoder().decode(Buffer.concat(ids.map((id) => bytes[id]!))).trim(),
      beginsWithSpace: (id) => bytes[id]![0] === 0x20,
      unspaced,
    },
  );
  return words.map(({ text, from, to }) => [text, from, to]);
}

test("tokens join to words at spaces, marks stay with the word before", () => {
  expect(wordsOf([" Print", "ing", ",", " then", ".", " It", "'s"])).toEqual([
    ["Printing,", 0, 3],
    ["then.", 3, 5],
    ["It's", 5, 7],
  ]);
});

test("an opening quotation mark goes with its word, a lone dash with the word before", () => {
  expect(wordsOf([" a", " —", ' "', "Bible", '"', " or"])).toEqual([
    ["a —", 0, 2],
    ['"Bible"', 2, 5],
    ["or", 5, 6],
  ]);
});

test("a character that is cut between tokens stays whole", () => {
  const [first = 0, second = 0] = new TextEncoder().encode("ç");
  expect(wordsOf([" a", [first], [second], "úcar"])).toEqual([["açúcar", 0, 4]]);
});

test("where no spaces are written, each token is a word, and marks are none", () => {
  expect(wordsOf([" ", "日本", "語", "。"], true)).toEqual([
    ["日本", 1, 2],
    ["語。", 2, 4],
  ]);
});

test("no tokens are no words", () => {
  expect(wordsOf([])).toEqual([]);
});
