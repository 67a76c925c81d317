import { describe, expect, test } from "bun:test";
import { stretchTempo } from "../../../gpu/pipeline/time-stretch.ts";

const rateHz = 24_000;

/** A voiced sound: a 140 Hz pulse train through two resonances, with syllables 5 times a second. */
function voiced(seconds: number): Float32Array {
  return Float32Array.from({ length: seconds * rateHz }, (_, n) => {
    const t = n / rateHz;
    const syllable = 0.6 + 0.4 * Math.sin(2 * Math.PI * 5 * t);
    let sample = 0;
    for (let harmonic = 1; harmonic <= 12; harmonic++)
      sample += Math.sin(2 * Math.PI * 140 * harmonic * t) / harmonic;
    return 0.2 * syllable * sample;
  });
}

/** The lag, in samples, at which the sound repeats best: its pitch period. */
function pitchPeriod(audio: Float32Array): number {
  const from = audio.length >> 1;
  let best = 0;
  let bestScore = -Infinity;
  for (let lag = 100; lag < 260; lag++) {
    let score = 0;
    for (let i = 0; i < 4800; i++) score += audio[from + i]! * audio[from + i + lag]!;
    if (score > bestScore) {
      bestScore = score;
      best = lag;
    }
  }
  return best;
}

describe("changing the tempo of speech", () => {
  test.each([0.9, 1.05, 1.15, 1.3])(
    "by %d changes its length, not its pitch or loudness",
    (tempo) => {
      const audio = voiced(2);
      const stretched = stretchTempo(audio, rateHz, tempo);
      expect(stretched.length).toBe(Math.round(audio.length / tempo));
      expect(Math.abs(pitchPeriod(stretched) - pitchPeriod(audio))).toBeLessThanOrEqual(2);
      const level = (samples: Float32Array) =>
        Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
      expect(level(stretched) / level(audio)).toBeCloseTo(1, 1);
    },
  );

  test("leaves no hole and no jump", () => {
    const stretched = stretchTempo(voiced(1), rateHz, 1.2);
    const highestStep = (samples: Float32Array) => {
      let highest = 0;
      for (let i = 1; i < samples.length; i++)
        highest = Math.max(highest, Math.abs(samples[i]! - samples[i - 1]!));
      return highest;
    };
    expect(highestStep(stretched)).toBeLessThan(1.5 * highestStep(voiced(1)));
    for (let at = 0; at + 240 < stretched.length; at += 240)
      expect(Math.max(...stretched.subarray(at, at + 240).map(Math.abs))).toBeGreaterThan(0.01);
  });

  test("gives back what cannot be stretched", () => {
    const click = Float32Array.of(0, 1, 0);
    expect(stretchTempo(click, rateHz, 1.2)).toEqual(click);
    const audio = voiced(1);
    expect(stretchTempo(audio, rateHz, 1)).toEqual(audio);
  });
});
