import { describe, expect, test } from "bun:test";
import { asBytes } from "../../../src/audio/pcm.ts";
import type { AppliedMessage, RegionKind } from "../../../src/protocol/relay-worker.ts";
import { blockSamples } from "../../../src/relay/block-mixer.ts";
import { LanguageChannel } from "../../../src/relay/language-channel.ts";

const block = blockSamples;

function channel() {
  const applied: AppliedMessage[] = [];
  const made = new LanguageChannel({
    language: "pt",
    settings: { fallback: "original", withoutBed: "duck", bgGain: 1, dubGain: 1 },
    maxAheadSamples: 1000 * block,
    onApplied: (message) => applied.push(message),
  });
  const region = (startSample: number, endSample: number, kind: RegionKind) =>
    made.receive({
      type: "region",
      language: "pt",
      startSample,
      endSample,
      kind,
      fragmentId: `f${startSample}`,
    });
  const audio = (
    startSample: number,
    samples: number,
    { level = 8000, crossfadeSamples }: { level?: number; crossfadeSamples?: number } = {},
  ) =>
    made.receive({
      type: "audio",
      language: "pt",
      startSample,
      pcm: asBytes(new Int16Array(samples).fill(level)),
      crossfadeSamples,
    });
  const silence = new Int16Array(block * 2);
  const play = (blocks: number, from = 0) =>
    Array.from({ length: blocks }, (_, n) => {
      const { sound, playing } = made.mixBlock((from + n) * block, silence);
      return { playing, pcm: Int16Array.from(sound, Math.round) };
    });
  return { made, applied, region, audio, play };
}

const levels = (blocks: { pcm: Int16Array }[]) => blocks.map(({ pcm }) => pcm[block]!);

describe("what the worker settled", () => {
  test("audio sounds only once its region is there, from its very sample on", () => {
    const { made, region, audio, play } = channel();
    audio(block + 100, 2 * block);
    expect(levels(play(1))).toEqual([0]);
    region(block, 4 * block, "dub");
    const [first] = play(1, 1);
    expect(first?.playing).toBe("dub");
    expect(first?.pcm[99 * 2]).toBe(0);
    expect(first?.pcm[(100 + 240) * 2]).toBe(8000);
    expect(made.dubEndSample).toBe(3 * block + 100);
  });

  test("adjoining pieces play through without a seam; a free end is faded", () => {
    const { region, audio, play } = channel();
    audio(0, block);
    region(0, block, "dub");
    audio(block, block);
    region(block, 3 * block, "dub");
    const sound = play(3).flatMap(({ pcm }) => [...pcm].filter((_, n) => n % 2 === 0));
    expect(new Set(sound.slice(300, 2 * block - 300))).toEqual(new Set([8000]));
    const largest = sound
      .slice(1)
      .reduce((most, s, n) => Math.max(most, Math.abs(s - sound[n]!)), 0);
    expect(largest).toBeLessThan(60);
  });

  test("a dub that takes over from another leaves one level, and one that never comes leaves the other whole", () => {
    const { region, audio, play } = channel();
    audio(0, 4 * block);
    region(0, 4 * block, "dub");
    audio(3 * block, 3 * block, { crossfadeSamples: block });
    region(3 * block, 6 * block, "dub");
    const sound = play(6).flatMap(({ pcm }) => [...pcm].filter((_, n) => n % 2 === 0));
    for (const sample of sound.slice(300, -300)) expect(Math.abs(sample - 8000)).toBeLessThan(3);
  });

  test("what should take over and comes too late leaves what sounds as it is", () => {
    const { region, audio, play } = channel();
    audio(0, 4 * block);
    region(0, 4 * block, "dub");
    play(3);
    audio(2 * block, 3 * block, { level: -8000, crossfadeSamples: block });
    region(2 * block, 6 * block, "dub");
    expect(levels(play(1, 3))).toEqual([8000]);
  });

  test("late words run past their region, over the ducked original", () => {
    const { region, audio, play } = channel();
    audio(0, 4 * block);
    region(0, 2 * block, "dub");
    region(2 * block, 6 * block, "original");
    expect(levels(play(5))).toEqual([8000, 8000, 8000, 8000, 0]);
  });

  test("a region whose audio should have begun already is late as a whole", () => {
    const { made, applied, region, audio, play } = channel();
    play(2);
    audio(block, 3 * block);
    region(block, 4 * block, "dub");
    expect(applied).toEqual([
      { type: "applied", language: "pt", startSample: block, fragmentId: `f${block}`, late: true },
    ]);
    expect(levels(play(2, 2))).toEqual([0, 0]);
    expect(made.settlements.counters).toMatchObject({
      lateRegions: 1,
      droppedDubSamples: 3 * block,
    });
  });

  test("a region that began already, with audio still to come, is played from now on", () => {
    const { applied, region, audio, play } = channel();
    play(2);
    audio(3 * block, block);
    region(block, 5 * block, "dub");
    expect(levels(play(3, 2))).toEqual([0, 8000, 0]);
    expect(applied).toEqual([
      { type: "applied", language: "pt", startSample: block, fragmentId: `f${block}`, late: false },
    ]);
  });

  test("the settled stretch grows without holes, in whatever order regions come", () => {
    const { made, region } = channel();
    region(block, 2 * block, "original");
    expect(made.settledUntil).toBe(0);
    region(0, block, "original");
    expect(made.settledUntil).toBe(2 * block);
  });

  test("a worker that settles the far future, or nothing, is refused and counted", () => {
    const { made, region } = channel();
    region(0, 5000 * block, "original");
    region(block, block, "original");
    expect(made.settlements.counters).toMatchObject({ refusedRegions: 2, lateRegions: 0 });
    expect(made.settledUntil).toBe(0);
  });

  test("a worker that went leaves no half of a fragment behind", () => {
    const { made, region, audio, play } = channel();
    audio(0, block);
    made.settlements.forgetStaged();
    region(0, block, "dub");
    expect(levels(play(1))).toEqual([0]);
  });

  test("a stretch kept for words that came too late plays the fallback, not a dub of nothing", () => {
    const { applied, region, audio, play } = channel();
    play(10);
    audio(5 * block, 20 * block); // its beginning has been played: a word would be cut
    region(5 * block, 12 * block, "dub");
    region(12 * block, 25 * block, "dub"); // where the worker believes that it still sounds
    const blocks = play(15, 10);
    expect(applied.map(({ late }) => late)).toEqual([true, false]);
    expect(blocks.map(({ playing }) => playing)).toEqual(blocks.map(() => "fallback"));
  });

  test("words that run on into the next stretch are its dub", () => {
    const { region, audio, play } = channel();
    audio(0, 4 * block);
    region(0, 2 * block, "dub");
    region(2 * block, 4 * block, "dub");
    region(4 * block, 6 * block, "original");
    expect(play(6).map(({ playing }) => playing)).toEqual([
      ...Array.from({ length: 4 }, () => "dub" as const),
      "original",
      "original",
    ]);
  });
});
