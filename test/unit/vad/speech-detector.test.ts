import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Vad } from "../../../src/vad/silero.ts";
import { SpeechDetector, findSpeech } from "../../../src/vad/speech-detector.ts";

/** A detector that takes loudness for speech: enough to see how sound is cut into frames. */
function loudnessVad(): Vad & { frames: number } {
  const vad = {
    frames: 0,
    process(samples: Float32Array) {
      vad.frames += 1;
      const level = samples.reduce((sum, sample) => sum + Math.abs(sample), 0) / samples.length;
      return Promise.resolve(level > 0.3 ? 0.9 : 0.05);
    },
    reset() {},
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return vad;
}

/** Silence, with a loud stretch from 0.5 s to 1.25 s. */
function sound(): Float32Array {
  const samples = new Float32Array(32_000);
  samples.fill(0.6, 8_000, 20_000);
  return samples;
}

test("blocks of any length give the same speech as the whole sound", async () => {
  const whole = await findSpeech(loudnessVad(), sound());
  expect(whole).toHaveLength(1);
  expect(Math.abs(whole[0]!.startSample - 8_000)).toBeLessThan(2048);
  expect(Math.abs(whole[0]!.endSample - 20_000)).toBeLessThan(2048);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 }),
      async (cuts) => {
        const detector = new SpeechDetector(loudnessVad());
        const samples = sound();
        const found = [];
        for (let at = 0, turn = 0; at < samples.length; turn++) {
          const length = cuts[turn % cuts.length]!;
          for (const step of await detector.push(samples.subarray(at, at + length)))
            if (step.ended) found.push(step.ended);
          at += length;
        }
        const last = detector.flush();
        expect(last ? [...found, last] : found).toEqual(whole);
      },
    ),
    { numRuns: 20 },
  );
});

test("each 32 ms is looked at once, and a rest shorter than that waits for more", async () => {
  const vad = loudnessVad();
  const detector = new SpeechDetector(vad);
  expect(await detector.push(new Float32Array(511))).toEqual([]);
  expect(await detector.push(new Float32Array(2))).toHaveLength(1);
  expect(vad.frames).toBe(1);
});

test("speech that lasts to the end of the sound ends there, within it", async () => {
  const samples = new Float32Array(10_000).fill(0.6, 4000);
  const regions = await findSpeech(loudnessVad(), samples);
  expect(regions.map((region) => region.endSample)).toEqual([10_000]);
});
