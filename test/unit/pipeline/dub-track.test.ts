import { describe, expect, test } from "bun:test";
import { type Speak, dubFragment, dubSampleRateHz } from "../../../gpu/pipeline/dub-track.ts";

/** A voice that needs 60 ms a letter and goes up to 1.3 times as fast. */
const speak: Speak = (text, { slotMs }) => {
  const naturalMs = 60 * text.length;
  const ms = Math.max(naturalMs / 1.3, Math.min(naturalMs, slotMs));
  const audio = new Float32Array(Math.round((ms * dubSampleRateHz) / 1000)).fill(0.5);
  return Promise.resolve({ audio, tempo: naturalMs / ms, naturalMs, clamped: ms > slotMs + 1 });
};

const utterance = (startMs: number, endMs: number, letters: number) => ({
  startMs,
  endMs,
  sourceText: "said",
  translatedText: "x".repeat(letters),
});

describe("the dub of a fragment", () => {
  test("begins where the original begins, and is as long as the fragment", async () => {
    const track = await dubFragment([utterance(400, 1400, 10)], 2000, speak);
    expect(track.audio).toHaveLength(48_000);
    expect(track.audio.findIndex((sample) => sample !== 0)).toBe((400 * dubSampleRateHz) / 1000);
    expect(track.utterances[0]).toMatchObject({ dubStartMs: 400, dubEndMs: 1000, tempo: 1 });
    expect(track.overrunMs).toBe(0);
  });

  test("gives each utterance the time until the next one begins", async () => {
    const slots: number[] = [];
    const watched: Speak = (text, slot) => {
      slots.push(slot.slotMs);
      return speak(text, slot);
    };
    const said = [utterance(100, 900, 5), utterance(1500, 2500, 5)];
    await dubFragment(said, 3000, watched);
    expect(slots).toEqual([1340, 1500]); // with a breath before the next
  });

  test("moves an utterance back when the one before it runs long", async () => {
    const track = await dubFragment([utterance(0, 500, 20), utterance(600, 1000, 3)], 2000, speak);
    const [first, second] = track.utterances;
    expect(first?.dubEndMs).toBeCloseTo(1200 / 1.3, 0);
    expect(second?.dubStartMs).toBeGreaterThan(first?.dubEndMs ?? Infinity);
    expect(track.clamped).toBe(true);
  });

  test("is longer than the fragment, uncut, when even the fastest tempo does not fit", async () => {
    const track = await dubFragment([utterance(500, 1000, 26)], 1000, speak);
    expect(track.overrunMs).toBeCloseTo(500 + 1200 - 1000, 0);
    expect(track.audio.every((sample, at) => (at < 12_000 ? sample === 0 : sample === 0.5))).toBe(
      true,
    );
    expect(track.highestTempo).toBeCloseTo(1.3, 5);
  });

  test("fits when it is over by no more than rounding", async () => {
    const rounded: Speak = (_, { slotMs }) => {
      const audio = new Float32Array(Math.round(slotMs * 24) + 20);
      return Promise.resolve({ audio, tempo: 1.2, naturalMs: 1, clamped: false });
    };
    const track = await dubFragment([utterance(333.3, 900, 5)], 1000, rounded);
    expect(track.audio).toHaveLength(24_000);
    expect(track.overrunMs).toBe(0);
  });

  test("is silence when nothing was said", async () => {
    const track = await dubFragment([], 1000, speak);
    expect(track.audio).toEqual(new Float32Array(24_000));
    expect(track.highestTempo).toBe(1);
  });
});
