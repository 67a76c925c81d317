import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  asInt16,
  floatToPcm16,
  monoToStereo,
  pcm16ToFloat,
  stereoPcm16ToMono,
  stereoToMono,
} from "../../../src/audio/pcm.ts";

test("every 16-bit sample survives the way through floats", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -32768, max: 32767 })), (values) => {
      const bytes = new Uint8Array(new Int16Array(values).buffer);
      expect([...asInt16(floatToPcm16(pcm16ToFloat(bytes)))]).toEqual(values);
    }),
  );
});

test("what is too loud saturates and never wraps; NaN is silence", () => {
  const samples = asInt16(floatToPcm16(new Float32Array([2, -2, 1, -1, Number.NaN])));
  expect([...samples]).toEqual([32767, -32768, 32767, -32768, 0]);
});

test("bytes at an odd offset are read all the same", () => {
  const bytes = new Uint8Array([9, 0x34, 0x12, 0xff, 0xff, 7]).subarray(1);
  expect([...asInt16(bytes)]).toEqual([0x1234, -1]);
});

test("mono and stereo convert into each other", () => {
  const mono = new Float32Array([0.25, -0.5]);
  expect([...monoToStereo(mono)]).toEqual([0.25, 0.25, -0.5, -0.5]);
  expect([...stereoToMono(monoToStereo(mono))]).toEqual([...mono]);
  expect([...stereoPcm16ToMono(floatToPcm16(monoToStereo(mono)))]).toEqual([...mono]);
});

test("bytes that lie at an odd place of a Buffer's shared memory are read right", () => {
  // A socket delivers Buffers; Buffer.slice is a view, so a copy must not be made with it.
  const shared = Buffer.alloc(64, 0x7f);
  const odd = shared.subarray(21, 29);
  odd.set([1, 0, 2, 0, 3, 0, 4, 0]);
  expect([...asInt16(odd)]).toEqual([1, 2, 3, 4]);
});
