import { describe, expect, test } from "bun:test";
import { asBytes } from "../../../src/audio/pcm.ts";
import type { FallbackMode } from "../../../src/protocol/supervisor.ts";
import { BedRing } from "../../../src/relay/bed-ring.ts";
import { blockSamples } from "../../../src/relay/block-mixer.ts";
import { LanguageChannel } from "../../../src/relay/language-channel.ts";
import { defaultMixTuning } from "../../../src/relay/mix-tuning.ts";

const rateHz = 48_000;
const bedHz = 50;
const speechHz = 310;
const dubHz = 470;
const bedLevel = 3000;
const speechLevel = 4000;

const wave = (hz: number, level: number, at: number) =>
  level * Math.sin((2 * Math.PI * hz * at) / rateHz);
const stereo = (from: number, count: number, of: (at: number) => number) =>
  Int16Array.from({ length: 2 * count }, (_, n) => Math.round(of(from + (n >> 1))));
const bedAt = (at: number) => wave(bedHz, bedLevel, at);
const sourceAt = (at: number) => bedAt(at) + wave(speechHz, speechLevel, at);

interface Scene {
  readonly seconds: number;
  readonly fallback?: FallbackMode;
  readonly tuning?: Partial<typeof defaultMixTuning>;
  /** Called before anything is mixed. */
  readonly prepare: (channel: LanguageChannel, ring: BedRing) => void;
}

/** The output of a stream whose source is a bed tone and a speech tone. */
function play({ seconds, fallback = "original", tuning, prepare }: Scene): Int16Array {
  const channel = new LanguageChannel({
    language: "pt",
    settings: {
      fallback,
      withoutBed: "duck",
      bgGain: 1,
      dubGain: 1,
      tuning: { ...defaultMixTuning, levelDub: false, ...tuning },
    },
    maxAheadSamples: 1e9,
    onApplied: () => {},
  });
  const ring = new BedRing(rateHz * seconds);
  prepare(channel, ring);
  const blocks = (rateHz * seconds) / blockSamples;
  const output = new Int16Array(2 * rateHz * seconds);
  for (let n = 0; n < blocks; n++) {
    const original = stereo(n * blockSamples, blockSamples, sourceAt);
    const bed = ring.read(n * blockSamples, blockSamples, original);
    const out = channel.nextOutput(n * blockSamples, original, bed);
    if (out !== undefined) output.set(out.pcm, 2 * out.startSample);
  }
  const last = channel.lastOutput();
  if (last !== undefined) output.set(last.pcm, 2 * last.startSample);
  return output;
}

const region = (
  channel: LanguageChannel,
  kind: "dub" | "original" | "fallback",
  from: number,
  to: number,
) => channel.receive({ type: "region", language: "pt", startSample: from, endSample: to, kind });
const say = (channel: LanguageChannel, from: number, to: number, level = 4000) =>
  channel.receive({
    type: "audio",
    language: "pt",
    startSample: from,
    pcm: asBytes(Int16Array.from({ length: to - from }, (_, n) => wave(dubHz, level, from + n))),
  });
const giveBed = (ring: BedRing, from: number, to: number) =>
  ring.receive({ type: "bed", startSample: from, pcm: asBytes(stereo(from, to - from, bedAt)) }, 0);

/** Amplitude of a tone in the left channel of [from, to) seconds: correlation with sine and cosine. */
function toneLevel(sound: Int16Array, hz: number, from: number, to: number): number {
  let sine = 0;
  let cosine = 0;
  const [first, last] = [from * rateHz, to * rateHz];
  for (let at = first; at < last; at++) {
    sine += sound[2 * at]! * Math.sin((2 * Math.PI * hz * at) / rateHz);
    cosine += sound[2 * at]! * Math.cos((2 * Math.PI * hz * at) / rateHz);
  }
  return (2 * Math.hypot(sine, cosine)) / (last - first);
}
const decibels = (ratio: number) => 20 * Math.log10(ratio);

describe("a dub over a separated bed", () => {
  const scene = (bed: boolean, tuning: Scene["tuning"] = {}) =>
    play({
      seconds: 4,
      tuning,
      prepare: (channel, ring) => {
        region(channel, "original", 0, rateHz);
        say(channel, rateHz, 2 * rateHz);
        region(channel, "dub", rateHz, 2 * rateHz);
        region(channel, "original", 2 * rateHz, 4 * rateHz);
        if (bed) giveBed(ring, rateHz / 2, 4 * rateHz);
      },
    });

  test("keeps the bed, 6 dB down, and nothing of the speech; outside it the source passes bit by bit", () => {
    const output = scene(true);
    expect(decibels(toneLevel(output, bedHz, 1.2, 1.9) / bedLevel)).toBeCloseTo(-6, 1);
    expect(decibels(toneLevel(output, speechHz, 1.2, 1.9) / speechLevel)).toBeLessThan(-50);
    expect(decibels(toneLevel(output, dubHz, 1.2, 1.9) / 4000)).toBeCloseTo(0, 1);
    const before = 0.9 * rateHz;
    expect(output.subarray(0, 2 * before)).toEqual(stereo(0, before, sourceAt));
    const from = 3.5 * rateHz; // hold and release are over
    expect(output.subarray(2 * from)).toEqual(stereo(from, 0.5 * rateHz, sourceAt));
  });

  test("with ducking off: the bed as it was", () => {
    const output = scene(true, { bedDuckDb: 0 });
    expect(decibels(toneLevel(output, bedHz, 1.2, 1.9) / bedLevel)).toBeCloseTo(0, 1);
  });

  test("without a bed: over the original, 12 dB down, without a gap", () => {
    const output = scene(false);
    expect(decibels(toneLevel(output, bedHz, 1.2, 1.9) / bedLevel)).toBeCloseTo(-12, 1);
    expect(decibels(toneLevel(output, speechHz, 1.2, 1.9) / speechLevel)).toBeCloseTo(-12, 1);
    expect(decibels(toneLevel(output, dubHz, 1.2, 1.9) / 4000)).toBeCloseTo(0, 1);
  });
});

test("the fallback `background` plays the bed where there is one, and the ducked original where not", () => {
  const output = play({
    seconds: 4,
    fallback: "background",
    prepare: (channel, ring) => {
      region(channel, "fallback", 0, 4 * rateHz);
      giveBed(ring, 0, 2 * rateHz);
    },
  });
  expect(decibels(toneLevel(output, bedHz, 0.5, 1.9) / bedLevel)).toBeCloseTo(0, 1);
  expect(decibels(toneLevel(output, speechHz, 0.5, 1.9) / speechLevel)).toBeLessThan(-50);
  expect(decibels(toneLevel(output, speechHz, 2.5, 3.9) / speechLevel)).toBeCloseTo(-12, 1);
});

test("a dub is brought to the level of the speech it replaces", () => {
  for (const level of [1500, 8000]) {
    const output = play({
      seconds: 8,
      tuning: { levelDub: true },
      prepare: (channel, ring) => {
        say(channel, 0, 8 * rateHz, level);
        region(channel, "dub", 0, 8 * rateHz);
        giveBed(ring, 0, 8 * rateHz);
      },
    });
    // Both are tones in the band that K-weighting leaves as it is, so levels compare as loudness does.
    const difference = decibels(toneLevel(output, dubHz, 6, 8) / speechLevel);
    expect(Math.abs(difference)).toBeLessThan(0.7);
  }
});

test("200 forced switches between bed, original and dub: none clicks", () => {
  const stepSamples = 4 * blockSamples;
  const output = play({
    seconds: 20,
    prepare: (channel, ring) => {
      for (let n = 0; n < 200; n++) {
        const from = n * stepSamples;
        const kind = (["dub", "original", "dub", "fallback"] as const)[n % 4]!;
        region(channel, kind, from, from + stepSamples);
        if (n % 3 !== 0) giveBed(ring, from, from + stepSamples);
      }
    },
  });
  // The steepest that the source's own tones are, and of a crossfade of its whole swing over 20 ms.
  const own = (2 * Math.PI * (bedHz * bedLevel + speechHz * speechLevel)) / rateHz;
  const fade = ((bedLevel + speechLevel) * Math.PI) / 2 / blockSamples;
  let worst = 0;
  for (let n = 2; n < output.length; n += 2)
    worst = Math.max(worst, Math.abs(output[n]! - output[n - 2]!));
  expect(worst).toBeLessThan(own + 2 * fade + 2);
});

test("what is too loud stays under −1 dB of full scale", () => {
  const output = play({
    seconds: 2,
    tuning: { bedDuckDb: 0 },
    prepare: (channel, ring) => {
      say(channel, 0, 2 * rateHz, 32_000);
      region(channel, "dub", 0, 2 * rateHz);
      giveBed(ring, 0, 2 * rateHz);
    },
  });
  const peak = output.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  expect(decibels(peak / 32_768)).toBeLessThan(-1);
  expect(decibels(peak / 32_768)).toBeGreaterThan(-3);
});
