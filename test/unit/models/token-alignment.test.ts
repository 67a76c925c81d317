import { expect, test } from "bun:test";
import { type AttentionScores, alignTokens } from "../../../gpu/models/whisper/token-alignment.ts";

const heads = 2;
/** Rows before the text: start of transcript, language, task. */
const before = 3;
const positions = 120;

/** Attention of a model that looks at each token's own place, and a little about. */
function lookingAt(places: readonly (readonly [number, number])[]): AttentionScores {
  const rows = before + places.length + 1;
  const data = new Float32Array(heads * rows * positions);
  for (let head = 0; head < heads; head++)
    for (const [token, [from, to]] of places.entries())
      data.fill(6, at(head, before + token, from, rows), at(head, before + token, to, rows));
  return { data, heads, rows, positions };
}

const at = (head: number, row: number, position: number, rows: number) =>
  (head * rows + row) * positions + position;

/** Sound everywhere but in the pauses. */
function soundBut(pauses: readonly (readonly [number, number])[], length = 100): Float64Array {
  const loudness = new Float64Array(length).fill(1);
  for (const [from, to] of pauses) loudness.fill(-1, from, to);
  return loudness;
}

test("tokens lie where the attention was, one after another", () => {
  const places = [
    [0, 20],
    [20, 50],
    [50, 70],
    [70, 100],
  ] as const;
  const spans = alignTokens(lookingAt(places), before, {
    loudness: soundBut([]),
    beginsWord: [true, false, true, true],
  });
  for (const [token, [from, to]] of places.entries()) {
    expect(Math.abs((spans[token]?.from ?? NaN) - from)).toBeLessThanOrEqual(2);
    expect(Math.abs((spans[token]?.to ?? NaN) - to)).toBeLessThanOrEqual(2);
  }
});

test("pauses before, between and after words belong to no word, even where attention reaches into them", () => {
  const spans = alignTokens(
    // attention runs ahead into the end of the word before, and over the pauses, as Whisper's does
    lookingAt([
      [0, 33],
      [33, 72],
      [72, 100],
    ]),
    before,
    {
      loudness: soundBut([
        [0, 15],
        [40, 65],
        [90, 100],
      ]),
      beginsWord: [true, true, false],
    },
  );
  expect(spans[0]?.from).toBe(15);
  expect(spans[0]?.to).toBeLessThanOrEqual(40);
  expect(spans[1]?.from).toBe(65);
  expect(spans[2]?.to).toBe(90);
});

test("a closure within a word does not part it", () => {
  const spans = alignTokens(
    lookingAt([
      [10, 30],
      [30, 60],
    ]),
    before,
    { loudness: soundBut([[28, 33]]), beginsWord: [true, false] },
  );
  expect(spans[0]?.to).toBe(spans[1]?.from);
});

test("places never run backwards, and stay within what was heard", () => {
  const rough = lookingAt([
    [60, 80],
    [10, 20],
    [40, 41],
    [0, 100],
  ]);
  const spans = alignTokens(rough, before, {
    loudness: soundBut([[30, 55]]),
    beginsWord: [true, true, true, true],
  });
  expect(spans).toHaveLength(4);
  let earliest = 0;
  for (const { from, to } of spans) {
    expect(from).toBeGreaterThanOrEqual(earliest);
    expect(to).toBeGreaterThanOrEqual(from);
    expect(to).toBeLessThanOrEqual(100);
    earliest = to;
  }
});

test("more tokens than positions still all get a place", () => {
  const many = lookingAt(Array.from({ length: 12 }, () => [0, 3] as const));
  const beginsWord = Array.from({ length: 12 }, () => true);
  const spans = alignTokens(many, before, { loudness: new Float64Array(3).fill(1), beginsWord });
  expect(spans).toHaveLength(12);
  for (const [token, { from, to }] of spans.entries()) {
    expect(from).toBeGreaterThanOrEqual(spans[token - 1]?.to ?? 0);
    expect(to).toBeGreaterThanOrEqual(from);
    expect(to).toBeLessThanOrEqual(3);
  }
});

test("no text and no sound give no places", () => {
  const scores = lookingAt([]);
  expect(alignTokens(scores, before, { loudness: soundBut([]), beginsWord: [] })).toEqual([]);
  const deaf = { loudness: new Float64Array(0), beginsWord: [true] };
  expect(alignTokens(lookingAt([[0, 5]]), before, deaf)).toEqual([]);
});
