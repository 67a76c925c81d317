import { expect, test } from "bun:test";
import fc from "fast-check";
import { GridCutter, type GridPiece } from "../../../src/worker/grid-cutter.ts";

const frameSamples = 1536;
const pieceSamples = 15_360;

/** Runs frames through a cutter: `speaking` by frame, the gate's news where it tells of a beginning. */
function cut(frames: readonly { speaking: boolean; speechFrom?: number }[]): GridPiece[] {
  const cutter = new GridCutter(pieceSamples, 0);
  const pieces = frames.flatMap(({ speaking, speechFrom }, index) =>
    cutter.push({
      endSample: (index + 1) * frameSamples,
      speaking,
      speechFrom,
      quiet: !speaking,
      energy: 0,
    }),
  );
  return [...pieces, ...cutter.flush(frames.length * frameSamples)];
}

test("every sample lies in exactly one piece, pieces lie on the grid, and no sound of speech is left out", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (speaking) => {
      const pieces = cut(speaking.map((one) => ({ speaking: one })));
      let covered = 0;
      for (const piece of pieces) {
        expect(piece.startSample).toBe(covered);
        expect(piece.startSample % pieceSamples).toBe(0);
        covered = piece.endSample;
      }
      expect(covered).toBe(speaking.length * frameSamples);
      for (const [index, one] of speaking.entries()) {
        if (!one) continue;
        const at = index * frameSamples;
        const piece = pieces.find(
          ({ startSample, endSample }) => startSample <= at && endSample > at,
        );
        expect(piece?.speech).toBe(true);
      }
    }),
  );
});

test("a beginning that the gate tells of late, with its lead-in, still sends the piece before", () => {
  const quiet = Array.from({ length: 24 }, () => ({ speaking: false }));
  // Told in the 25th frame: speech began 20 ms after the border between the second and the third piece.
  const began = 2 * pieceSamples + 960;
  const pieces = cut([...quiet, { speaking: true, speechFrom: began }, ...quiet]);
  expect(pieces.map(({ speech }) => speech).slice(0, 4)).toEqual([false, true, true, false]);
});

test("a piece of speech is given out as soon as it is whole, a silent one when no onset can lie in it", () => {
  const cutter = new GridCutter(pieceSamples, 0);
  const push = (index: number, speaking: boolean) =>
    cutter.push({ endSample: index * frameSamples, speaking, quiet: !speaking, energy: 0 }).length;
  const given = Array.from({ length: 20 }, (_, index) => push(index + 1, index < 5));
  expect(given.findIndex((count) => count > 0)).toBe(9);
  expect(given.slice(10, 20).every((count) => count === 0)).toBe(true);
  expect(Array.from({ length: 10 }, (_, index) => push(index + 21, false)).at(-1)).toBe(1);
});
