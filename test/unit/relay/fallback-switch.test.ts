import { expect, test } from "bun:test";
import { asBytes } from "../../../src/audio/pcm.ts";
import type { FallbackMode } from "../../../src/protocol/supervisor.ts";
import { BedRing } from "../../../src/relay/bed-ring.ts";
import { blockSamples, type MixSettings } from "../../../src/relay/block-mixer.ts";
import { LanguageChannel } from "../../../src/relay/language-channel.ts";
import { defaultMixTuning } from "../../../src/relay/mix-tuning.ts";

const rateHz = 48_000;
const tones = {
  bed: { hz: 50, level: 3000 },
  speech: { hz: 310, level: 4000 },
  dub: { hz: 470, level: 4000 },
};
type Tone = keyof typeof tones;

const at = (tone: Tone, sample: number) =>
  tones[tone].level * Math.sin((2 * Math.PI * tones[tone].hz * sample) / rateHz);
const stereo = (from: number, count: number, of: (sample: number) => number) =>
  Int16Array.from({ length: 2 * count }, (_, n) => Math.round(of(from + (n >> 1))));

/** Each fallback is on for 2 s, one after the other; the last second of it is measured. */
const stretchSeconds = 2;
const dubUntil = 1;
const firstSwitch = 3;
const withBed: FallbackMode[] = ["original", "background", "ducked", "repeat_last", "silence"];
const withoutBed: FallbackMode[] = ["original", "background", "ducked", "repeat_last", "silence"];
const order = [...withBed, ...withoutBed];
const seconds = firstSwitch + order.length * stretchSeconds;
const bedUntil = firstSwitch + withBed.length * stretchSeconds;

/** A second of dub, then nothing but the fallback, which is switched while the sound runs. */
function play(): Int16Array {
  const settings: MixSettings = {
    fallback: "original",
    withoutBed: "duck",
    bgGain: 1,
    dubGain: 1,
    tuning: { ...defaultMixTuning, levelDub: false },
  };
  const channel = new LanguageChannel({
    ...{ language: "pt", settings, maxAheadSamples: 1e9, onApplied: () => {} },
  });
  const ring = new BedRing(rateHz * seconds);
  const words = Int16Array.from({ length: dubUntil * rateHz }, (_, n) => Math.round(at("dub", n)));
  channel.receive({ type: "audio", language: "pt", startSample: 0, pcm: asBytes(words) });
  const region = (kind: "dub" | "fallback", from: number, to: number) =>
    channel.receive({
      ...{ type: "region", language: "pt", kind },
      ...{ startSample: from * rateHz, endSample: to * rateHz },
    });
  region("dub", 0, dubUntil);
  region("fallback", dubUntil, seconds);
  const bed = stereo(0, bedUntil * rateHz, (sample) => at("bed", sample));
  ring.receive({ type: "bed", startSample: 0, pcm: asBytes(bed) }, 0);
  const output = new Int16Array(2 * rateHz * seconds);
  for (let from = 0; from < rateHz * seconds; from += blockSamples) {
    const stretch = Math.floor((from / rateHz - firstSwitch) / stretchSeconds);
    settings.fallback = order[Math.max(0, stretch)] as FallbackMode;
    const original = stereo(from, blockSamples, (n) => at("bed", n) + at("speech", n));
    const out = channel.nextOutput(from, original, ring.read(from, blockSamples, original));
    if (out !== undefined) output.set(out.pcm, 2 * out.startSample);
  }
  return output;
}

/** A tone of the left channel against its level in the source, in dB, over the last second of a stretch. */
function level(sound: Int16Array, tone: Tone, stretch: number): number {
  const until = (firstSwitch + (stretch + 1) * stretchSeconds) * rateHz;
  let sine = 0;
  let cosine = 0;
  for (let n = until - rateHz; n < until; n++) {
    const angle = (2 * Math.PI * tones[tone].hz * n) / rateHz;
    sine += sound[2 * n]! * Math.sin(angle);
    cosine += sound[2 * n]! * Math.cos(angle);
  }
  const amplitude = (2 * Math.hypot(sine, cosine)) / rateHz;
  return 20 * Math.log10(Math.max(amplitude / tones[tone].level, 1e-5));
}

const gone = -60;
/** What each must sound like, by tone in dB; a `gone` tone is at least that far down. */
const expected: { mode: FallbackMode; bed: number; speech: number; dub: number }[] = [
  { mode: "original", bed: 0, speech: 0, dub: gone },
  { mode: "background", bed: 0, speech: gone, dub: gone },
  { mode: "ducked", bed: -12, speech: -12, dub: gone },
  { mode: "repeat_last", bed: -6, speech: gone, dub: 0 },
  { mode: "silence", bed: gone, speech: gone, dub: gone },
  // The worker gives no bed any more.
  { mode: "original", bed: 0, speech: 0, dub: gone },
  { mode: "background", bed: -12, speech: -12, dub: gone },
  { mode: "ducked", bed: -12, speech: -12, dub: gone },
  { mode: "repeat_last", bed: -12, speech: -12, dub: 0 },
  { mode: "silence", bed: gone, speech: gone, dub: gone },
];

test("all five fallbacks, switched while the sound runs, with a bed and without, each by what is heard", () => {
  const output = play();
  expect(expected.map(({ mode }) => mode)).toEqual(order);
  for (const [stretch, wanted] of expected.entries()) {
    for (const tone of ["bed", "speech", "dub"] as const) {
      const heard = level(output, tone, stretch);
      const what = `${stretch} ${wanted.mode}: ${tone}`;
      if (wanted[tone] === gone) expect(heard, what).toBeLessThan(-50);
      else expect(Math.abs(heard - wanted[tone]), what).toBeLessThan(0.5);
    }
  }
  let worst = 0;
  for (let n = 2; n < output.length; n += 2)
    worst = Math.max(worst, Math.abs(output[n]! - output[n - 2]!));
  // All tones at their steepest, and a crossfade of their whole swing over 20 ms.
  const all = Object.values(tones);
  const own = all.reduce((sum, { hz, level: of }) => sum + (2 * Math.PI * hz * of) / rateHz, 0);
  const fade = (all.reduce((sum, tone) => sum + tone.level, 0) * Math.PI) / 2 / blockSamples;
  expect(worst).toBeLessThan(own + fade + 2);
});
