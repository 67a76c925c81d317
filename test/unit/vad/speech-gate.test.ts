import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SpeechGate, type SpeechRegion } from "../../../src/vad/speech-gate.ts";

const frameSamples = 512;
const options = {
  frameSamples,
  sampleRateHz: 16_000,
  onsetProbability: 0.5,
  offsetProbability: 0.35,
  minSpeechMs: 96, // 3 frames
  hangoverMs: 160, // 5 frames
  padMs: 32, // 1 frame
};

function regionsOf(probabilities: readonly number[], settings = options): SpeechRegion[] {
  const gate = new SpeechGate(settings);
  const regions = probabilities.flatMap((probability) => gate.push(probability).ended ?? []);
  const last = gate.flush();
  return last ? [...regions, last] : regions;
}

const inFrames = (regions: SpeechRegion[]) =>
  regions.map((region) => [region.startSample / frameSamples, region.endSample / frameSamples]);

const quiet = (count: number) => Array<number>(count).fill(0);
const loud = (count: number, probability = 0.9) => Array<number>(count).fill(probability);

describe("the speech gate", () => {
  test("frames a stretch of speech, padded on both sides", () => {
    expect(inFrames(regionsOf([...quiet(10), ...loud(8), ...quiet(20)]))).toEqual([[9, 19]]);
  });

  test("says when speech is confirmed, and where it began", () => {
    const gate = new SpeechGate(options);
    const steps = [...quiet(4), ...loud(3)].map((probability) => gate.push(probability));
    expect(steps.map((step) => step.startedAtSample)).toEqual([
      ...Array<undefined>(6).fill(undefined),
      3 * frameSamples,
    ]);
    expect(gate.speaking).toBe(true);
  });

  test("does not open for a click shorter than the least speech", () => {
    expect(regionsOf([...quiet(5), ...loud(2), ...quiet(20), 0.99, ...quiet(20)])).toEqual([]);
  });

  test("keeps a pause within the hangover, and parts at a longer one", () => {
    const around = (pause: number) => [
      ...quiet(3),
      ...loud(5),
      ...quiet(pause),
      ...loud(5),
      ...quiet(20),
    ];
    expect(regionsOf(around(5))).toHaveLength(1);
    expect(regionsOf(around(6))).toHaveLength(2);
  });

  test("holds on between the two thresholds, but does not open there", () => {
    expect(regionsOf([...quiet(3), ...loud(60, 0.4)])).toEqual([]);
    expect(inFrames(regionsOf([...quiet(3), ...loud(4), ...loud(30, 0.4), ...quiet(20)]))).toEqual([
      [2, 38],
    ]);
  });

  test("ends open speech when the sound ends, within the sound", () => {
    expect(inFrames(regionsOf([...quiet(3), ...loud(7)]))).toEqual([[2, 10]]);
  });

  test("refuses thresholds the wrong way round", () => {
    const wrong = { ...options, onsetProbability: 0.2, offsetProbability: 0.6 };
    expect(() => new SpeechGate(wrong)).toThrow(RangeError);
  });

  const probabilities = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 300 });

  test("gives regions in order, apart, not empty, and within what was heard", () => {
    fc.assert(
      fc.property(probabilities, (list) => {
        let free = 0;
        for (const { startSample, endSample } of regionsOf(list)) {
          expect(startSample).toBeGreaterThanOrEqual(free);
          expect(endSample).toBeGreaterThan(startSample);
          free = endSample;
        }
        expect(free).toBeLessThanOrEqual(list.length * frameSamples);
      }),
    );
  });

  test("covers every long loud stretch, and nothing far from an onset", () => {
    fc.assert(
      fc.property(probabilities, (list) => {
        const regions = regionsOf(list);
        const covered = (frame: number) =>
          regions.some(
            ({ startSample, endSample }) =>
              startSample <= frame * frameSamples && endSample >= (frame + 1) * frameSamples,
          );
        for (let frame = 0; frame + 2 < list.length; frame++)
          if (list.slice(frame, frame + 3).every((value) => value >= 0.5)) {
            expect(covered(frame)).toBe(true);
          }
        if (list.every((value) => value < 0.5)) expect(regions).toEqual([]);
      }),
    );
  });
});
