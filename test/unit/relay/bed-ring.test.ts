import { describe, expect, test } from "bun:test";
import { asBytes } from "../../../src/audio/pcm.ts";
import { BedRing } from "../../../src/relay/bed-ring.ts";

const block = 960;
const original = new Int16Array(2 * block).fill(1000);
const bed = (startSample: number, samples: number, level = 7) =>
  ({ type: "bed", startSample, pcm: asBytes(new Int16Array(2 * samples).fill(level)) }) as const;
const stretch = (startSample: number, endSample: number, source: "original" | "none") =>
  ({ type: "bed-stretch", startSample, endSample, source }) as const;

describe("the relay's bed", () => {
  test("is the separated sound where there is some, to the sample, else the original itself", () => {
    const ring = new BedRing(10 * block);
    ring.receive(stretch(0, block + 100, "original"), 0);
    ring.receive(bed(block + 100, 2 * block), 0);
    expect(ring.read(0, block, original)?.samples).toBe(original);
    const mixed = ring.read(block, block, original)!;
    expect(mixed.samples[2 * 99]).toBe(1000);
    expect(mixed.samples[2 * 100]).toBe(7);
    expect(mixed.isLast).toBe(false);
    expect(ring.settledUntil).toBe(3 * block + 100);
  });

  test("is none where a sample has none, and the block before is the last", () => {
    const ring = new BedRing(10 * block);
    ring.receive(bed(0, block), 0);
    expect(ring.read(0, block, original)?.isLast).toBe(true);
    ring.receive(stretch(block, 2 * block, "none"), 0);
    expect(ring.read(0, block, original)?.isLast).toBe(true);
    expect(ring.read(block, block, original)).toBeUndefined();
    expect(ring.read(5 * block, block, original)).toBeUndefined();
  });

  test("that comes late is dropped and counted, what is still to come of it is kept", () => {
    const ring = new BedRing(10 * block);
    ring.receive(bed(0, 3 * block), 2 * block);
    expect(ring.counters.lateBedSamples).toBe(2 * block);
    expect(ring.read(block, block, original)).toBeUndefined();
    expect(ring.read(2 * block, block, original)?.samples[0]).toBe(7);
    ring.receive(bed(block, block), 5 * block);
    expect(ring.counters.lateBedSamples).toBe(3 * block);
  });

  test("never holds more than its capacity, however long it runs", () => {
    const ring = new BedRing(4 * block);
    ring.receive(bed(0, 5 * block), 0);
    expect(ring.counters.refusedBedSamples).toBe(5 * block);
    for (let n = 0; n < 50; n++) {
      ring.receive(bed(n * block, block, n + 1), n * block);
      expect(ring.read(n * block, block, original)?.samples.every((s) => s === n + 1)).toBe(true);
    }
  });
});
