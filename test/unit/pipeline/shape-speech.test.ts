import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fastestTempo, slowestTempo } from "../../../gpu/pipeline/fit.ts";
import { shapeSpeech } from "../../../gpu/pipeline/synthesise.ts";

const rateHz = 24_000;

/** A voiced sound in silence: 140 Hz and its harmonics, with syllables. */
function spoken(ms: number, silenceMs = 0): Float32Array {
  const pad = Math.round((silenceMs / 1000) * rateHz);
  const length = Math.round((ms / 1000) * rateHz);
  return Float32Array.from({ length: length + 2 * pad }, (_, n) => {
    if (n < pad || n >= pad + length) return 0;
    const t = (n - pad) / rateHz;
    const syllable = 0.6 + 0.4 * Math.sin(2 * Math.PI * 5 * t);
    return 0.2 * syllable * (Math.cos(880 * t) + Math.cos(1760 * t) / 2 + Math.cos(2640 * t) / 3);
  });
}

describe("sound brought to a pace", () => {
  test("is as long as its tempo says, held to the range, for every length and tempo", () => {
    const lengths = fc.integer({ min: 300, max: 3000 });
    const tempi = fc.double({ min: 0.2, max: 3, noNaN: true });
    fc.assert(
      fc.property(lengths, tempi, (ms, tempo) => {
        const result = shapeSpeech(spoken(ms), { tempo });
        const held = Math.min(fastestTempo, Math.max(slowestTempo, tempo));
        const length = result.audio.length / 24;
        expect(Math.abs(length / (result.naturalMs / held) - 1)).toBeLessThan(0.02);
        expect(Math.abs(result.tempo / held - 1)).toBeLessThan(0.02);
        expect(result.tempo).toBeGreaterThanOrEqual(slowestTempo);
        expect(result.tempo).toBeLessThanOrEqual(fastestTempo);
      }),
      { numRuns: 30 },
    );
  });

  test("loses the silence around it, and has soft ends", () => {
    const { audio, naturalMs } = shapeSpeech(spoken(1000, 400), {});
    expect(naturalMs).toBeGreaterThanOrEqual(1000);
    expect(naturalMs).toBeLessThan(1100);
    expect(Math.abs(audio[0]!)).toBeLessThan(0.01);
    expect(Math.abs(audio.at(-1)!)).toBeLessThan(0.01);
  });

  test("fits its slot, slows towards its original, and says when the slot is too short", () => {
    const audio = spoken(2000);
    const fitted = shapeSpeech(audio, { slot: { sourceMs: 1000, slotMs: 1700 } });
    expect(fitted.audio.length / 24).toBeLessThanOrEqual(1701);
    expect(fitted.clamped).toBe(false);
    const slowed = shapeSpeech(audio, { slot: { sourceMs: 2200, slotMs: 4000 } });
    expect(slowed.audio.length / 24 / 2200).toBeCloseTo(1, 2);
    const clamped = shapeSpeech(audio, { slot: { sourceMs: 500, slotMs: 500 } });
    expect(clamped).toMatchObject({ clamped: true });
    expect(clamped.tempo).toBeCloseTo(fastestTempo, 2);
  });

  test("of silence is nothing", () => {
    expect(shapeSpeech(new Float32Array(24_000), { tempo: 1.2 })).toEqual({
      audio: new Float32Array(0),
      tempo: 1,
      naturalMs: 0,
      clamped: false,
    });
  });
});
