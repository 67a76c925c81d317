import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  BlockMixer,
  blockSamples,
  type BlockSources,
  type MixSettings,
} from "../../../src/relay/block-mixer.ts";
import { LimitedSound } from "../../../src/relay/limited-sound.ts";
import { defaultMixTuning } from "../../../src/relay/mix-tuning.ts";

const settings = (change: Partial<MixSettings> = {}): MixSettings => ({
  fallback: "original",
  withoutBed: "duck",
  bgGain: 1,
  dubGain: 1,
  // Levelling has tests of its own; here every gain is known.
  tuning: { ...defaultMixTuning, levelDub: false },
  ...change,
});

/** Slow tones, so that any step between samples that is larger than theirs is a click. */
const toneHz = { original: 50, dub: 70, lastDub: 60, bed: 40 };
const amplitude = 8000;
const steepest = (hz: number) => (2 * Math.PI * hz * amplitude) / 48_000;

function tone(hz: number, block: number, channels: number): Float32Array {
  const samples = new Float32Array(blockSamples * channels);
  for (let n = 0; n < samples.length; n++) {
    const at = block * blockSamples + Math.floor(n / channels);
    samples[n] = amplitude * Math.sin((2 * Math.PI * hz * at) / 48_000);
  }
  return samples;
}

function sources(block: number, change: Partial<BlockSources>): BlockSources {
  return {
    original: Int16Array.from(tone(toneHz.original, block, 2)),
    dubCoverage: change.dub ? 1 : 0,
    kind: "original",
    dubSoon: false,
    ...change,
  };
}

/** Peak of the left channel over some blocks of one state, after the crossfades are over. */
function level(mixer: BlockMixer, change: (block: number) => Partial<BlockSources>): number {
  let peak = 0;
  for (let block = 0; block < 120; block++) {
    const { sound } = mixer.mix(sources(block, change(block)));
    if (block > 100) for (const sample of sound) peak = Math.max(peak, Math.abs(sample));
  }
  return peak;
}

describe("a block", () => {
  test("of the original alone passes bit by bit", () => {
    const mixer = new BlockMixer(settings());
    for (const kind of ["original", "fallback", undefined] as const) {
      const input = sources(3, { kind });
      expect(mixer.mix(input).sound).toBe(input.original);
    }
  });

  test("with a dub and no bed: the dub over the original, 12 dB down", () => {
    const quiet = level(new BlockMixer(settings()), () => ({ kind: "dub" }));
    expect(20 * Math.log10(quiet / amplitude)).toBeCloseTo(-12, 1);
    const both = level(new BlockMixer(settings()), (block) => ({
      kind: "dub",
      dub: tone(toneHz.dub, block, 1),
    }));
    expect(both).toBeGreaterThan(amplitude);
    expect(both).toBeLessThan(amplitude * 1.26);
  });

  test("with a bed: the dub over the bed, 6 dB down, nothing of the original", () => {
    const loud = level(new BlockMixer(settings({ bgGain: 0.5 })), (block) => ({
      kind: "dub",
      bed: { samples: Int16Array.from(tone(toneHz.bed, block, 2)), isLast: false },
    }));
    expect(20 * Math.log10(loud / (amplitude / 2))).toBeCloseTo(-6, 1);
  });

  test("with a dub that may not play without a bed: the fallback", () => {
    const mixer = new BlockMixer(settings({ withoutBed: "skip", fallback: "silence" }));
    expect(level(mixer, (block) => ({ kind: "dub", dub: tone(toneHz.dub, block, 1) }))).toBe(0);
  });

  test("replaced: the worker's audio alone; where it has a hole, the fallback", () => {
    const replaced = level(new BlockMixer(settings()), (block) => ({
      kind: "replace",
      dub: tone(toneHz.dub, block, 1),
    }));
    expect(replaced).toBeCloseTo(amplitude, -2);
    const hole = level(new BlockMixer(settings()), () => ({ kind: "replace" }));
    expect(hole).toBeCloseTo(amplitude, -2);
  });

  test("without a dub: each fallback is what it says", () => {
    const of = (fallback: MixSettings["fallback"], extra: Partial<BlockSources> = {}) =>
      level(new BlockMixer(settings({ fallback })), () => ({ kind: undefined, ...extra }));
    expect(of("original")).toBeCloseTo(amplitude, -2);
    expect(of("silence")).toBe(0);
    expect(20 * Math.log10(of("ducked") / amplitude)).toBeCloseTo(-12, 1);
    expect(20 * Math.log10(of("background") / amplitude)).toBeCloseTo(-12, 1);
    expect(of("repeat_last")).toBeCloseTo(amplitude, -2);
    expect(
      of("repeat_last", { lastDub: new Float32Array(blockSamples).fill(5000) }),
    ).toBeGreaterThan(6500);
  });

  test("that is too loud is limited and never wraps", () => {
    const mixer = new BlockMixer(settings({ dubGain: 4 }));
    const limited = new LimitedSound(undefined);
    for (let block = 0; block < 5; block++) {
      const mixed = mixer.mix(
        sources(block, {
          original: new Int16Array(blockSamples * 2).fill(32767),
          dub: new Float32Array(blockSamples).fill(32767),
          kind: "dub",
        }),
      );
      const pcm = limited.push(block * blockSamples, mixed)?.pcm;
      expect(pcm === undefined).toBe(block === 0);
      for (const sample of pcm ?? []) expect(sample).toBeGreaterThan(20_000);
    }
  });
});

test("no switch between any states clicks", () => {
  const state = fc.constantFrom("original", "dub", "replace", "fallback", undefined);
  const fallback = fc.constantFrom("original", "background", "ducked", "repeat_last", "silence");
  fc.assert(
    fc.property(
      fc.array(state, { minLength: 2, maxLength: 20 }),
      fallback,
      fc.boolean(),
      (states, mode, hasBed) => {
        const mixer = new BlockMixer(settings({ fallback: mode }));
        let previous: number | undefined;
        let worst = 0;
        for (const [block, kind] of states.entries()) {
          const { sound } = mixer.mix(
            sources(block, {
              kind,
              ...(hasBed
                ? { bed: { samples: Int16Array.from(tone(toneHz.bed, block, 2)), isLast: false } }
                : {}),
              dub: tone(toneHz.dub, block, 1),
              lastDub: tone(toneHz.lastDub, block, 1),
              dubCoverage: 1,
            }),
          );
          for (let n = 0; n < sound.length; n += 2) {
            const sample = sound[n] as number;
            worst = Math.max(worst, Math.abs(sample - (previous ?? sample)));
            previous = sample;
          }
        }
        // The tones' own steepest steps, and the largest step of four crossfades at once.
        const own = Object.values(toneHz).reduce((sum, hz) => sum + steepest(hz), 0);
        expect(worst).toBeLessThan(own + 4 * amplitude * (Math.PI / 2 / blockSamples) + 4);
      },
    ),
    { numRuns: 60 },
  );
});
