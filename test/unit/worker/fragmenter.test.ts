import { expect, test } from "bun:test";
import fc from "fast-check";
import { fragmentLimits, type FragmentLimits } from "../../../src/worker/fragment-length.ts";
import { Fragmenter, type HeardFrame, type Stretch } from "../../../src/worker/fragmenter.ts";
import { SpeechGate } from "../../../src/vad/speech-gate.ts";

const frameSamples = 1536; // 32 ms of stream time

/** Frames as the ear hears them: a probability of voice and an energy for each 32 ms. */
function framesOf(sound: readonly { voice: number; energy?: number }[], from = 0): HeardFrame[] {
  const gate = new SpeechGate({ frameSamples: 512, sampleRateHz: 16_000 });
  return sound.map(({ voice, energy = voice }, index) => {
    const step = gate.push(voice);
    return {
      endSample: from + (index + 1) * frameSamples,
      speaking: step.speaking,
      speechFrom: step.startedAtSample === undefined ? undefined : from + step.startedAtSample * 3,
      quiet: voice < 0.35,
      energy,
    };
  });
}

function cut(limits: FragmentLimits, frames: readonly HeardFrame[], from = 0): Stretch[] {
  const fragmenter = new Fragmenter(limits, from);
  const end = frames.at(-1)?.endSample ?? from;
  return [...frames.flatMap((frame) => fragmenter.push(frame)), ...fragmenter.flush(end)];
}

const seconds = (count: number, voice: number, energy = voice) =>
  Array.from({ length: Math.round(count / 0.032) }, () => ({ voice, energy }));
const lengthsMs = (stretches: readonly Stretch[]) =>
  stretches.map(({ startSample, endSample }) => (endSample - startSample) / 48);

const limitsOf = fc
  .record({
    longestMs: fc.integer({ min: 250, max: 30_000 }),
    pauseMs: fc.constantFrom(0, 400),
  })
  .map(({ longestMs, pauseMs }) => ({
    longestMs,
    shortestMs: Math.min(1000, longestMs / 2),
    pauseMs,
  }));
/** Runs of voice and of silence, of 0..12 s, as speech has them. */
const soundOf = fc
  .array(
    fc.record({
      frames: fc.integer({ min: 1, max: 400 }),
      voice: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    {
      maxLength: 20,
    },
  )
  .map((runs) =>
    runs.flatMap(({ frames, voice }) =>
      Array.from({ length: frames }, (_, i) => ({ voice, energy: voice * (1 + (i % 7)) })),
    ),
  );

test("every sample lies in exactly one stretch, and no fragment leaves its limits", () => {
  fc.assert(
    fc.property(
      limitsOf,
      soundOf,
      fc.integer({ min: 0, max: 10_000_000 }),
      (limits, sound, from) => {
        const frames = framesOf(sound, from);
        const stretches = cut(limits, frames, from);
        let at = from;
        for (const [index, { startSample, endSample, speech }] of stretches.entries()) {
          expect(startSample).toBe(at);
          expect(endSample).toBeGreaterThan(startSample);
          const lengthMs = (endSample - startSample) / 48;
          if (speech) {
            expect(lengthMs).toBeLessThanOrEqual(limits.longestMs);
            const last = index >= stretches.length - 2; // flushed: as short as it must be
            if (!last) expect(lengthMs).toBeGreaterThanOrEqual(limits.shortestMs - 1);
          }
          at = endSample;
        }
        expect(at).toBe(frames.at(-1)?.endSample ?? from);
      },
    ),
    { numRuns: 200 },
  );
});

test("all speech that the gate lets through lies in fragments of speech", () => {
  fc.assert(
    fc.property(limitsOf, soundOf, (limits, sound) => {
      const frames = framesOf(sound);
      const stretches = cut(limits, frames);
      for (const frame of frames.filter(({ speaking, quiet }) => speaking && !quiet)) {
        const middle = frame.endSample - frameSamples / 2;
        const home = stretches.find(
          ({ startSample, endSample }) => startSample <= middle && middle < endSample,
        );
        expect(home?.speech).toBe(true);
      }
    }),
    { numRuns: 100 },
  );
});

test("speech alone is sent; the silence around it is settled without waiting for more", () => {
  const fragmenter = new Fragmenter(fragmentLimits("live", 6000), 0);
  const frames = framesOf([...seconds(4, 0), ...seconds(1.5, 1), ...seconds(3, 0)]);
  const stretches = frames.flatMap((frame) => fragmenter.push(frame));
  const spoken = stretches.filter(({ speech }) => speech);
  expect(spoken).toMatchObject([{ cutAt: "pause" }]);
  expect(spoken[0]!.startSample / 48).toBeGreaterThan(3800);
  expect(spoken[0]!.endSample / 48).toBeLessThan(5900);
  const open = frames.at(-1)!.endSample - fragmenter.openFrom;
  expect(open / 48).toBeLessThan(900); // settled up to the gate's lag
});

test("a fragment closes as soon as the gate does, well before its limit", () => {
  const limits = fragmentLimits("live", 7500);
  const fragmenter = new Fragmenter(limits, 0);
  let closedAtMs: number | undefined;
  for (const frame of framesOf([...seconds(1.6, 1), ...seconds(2, 0)])) {
    if (fragmenter.push(frame).some(({ speech }) => speech)) closedAtMs ??= frame.endSample / 48;
  }
  expect(closedAtMs).toBeGreaterThan(1600);
  expect(closedAtMs).toBeLessThan(2050);
});

test("at the limit it is cut in the longest pause of the second half", () => {
  const limits = { longestMs: 5000, shortestMs: 1000, pauseMs: 0 };
  const sound = [
    ...seconds(1, 1),
    ...seconds(0.2, 0.1), // in the first half: too early
    ...seconds(1.6, 1),
    ...seconds(0.1, 0.1),
    ...seconds(0.8, 1),
    ...seconds(0.224, 0.1), // 3.7 … 3.9 s: the longest
    ...seconds(4, 1),
  ];
  const [first, ...rest] = cut(limits, framesOf(sound));
  expect(first!.cutAt).toBe("limit");
  expect(rest.at(-1)!.cutAt).toBe("end");
  expect(first!.endSample / 48).toBeGreaterThan(3700);
  expect(first!.endSample / 48).toBeLessThan(3930);
});

test("speech without a pause is cut where it is softest", () => {
  const limits = { longestMs: 4000, shortestMs: 1000, pauseMs: 0 };
  const sound = [...seconds(3.2, 1, 0.5), ...seconds(0.096, 1, 0.01), ...seconds(6, 1, 0.5)];
  const [first] = cut(limits, framesOf(sound));
  expect(first!.endSample / 48).toBeGreaterThan(3190);
  expect(first!.endSample / 48).toBeLessThan(3310);
});

test("one word is not a scrap: it gets the shortest fragment's length", () => {
  const stretches = cut(
    fragmentLimits("live", 6000),
    framesOf([...seconds(0.3, 1), ...seconds(3, 0)]),
  );
  const word = stretches.find(({ speech }) => speech);
  expect(lengthsMs([word!])[0]).toBeGreaterThanOrEqual(1000);
});

test("file pacing keeps a sentence with short pauses together", () => {
  const sound = [...seconds(2, 1), ...seconds(0.5, 0), ...seconds(2, 1), ...seconds(2, 0)];
  const together = cut(fragmentLimits("file", 0), framesOf(sound)).filter(({ speech }) => speech);
  expect(together).toHaveLength(1);
  const apart = cut(fragmentLimits("live", 7500), framesOf(sound)).filter(({ speech }) => speech);
  expect(apart).toHaveLength(2);
});

test("after a hole it goes on at the new place, and nothing covers the hole", () => {
  const fragmenter = new Fragmenter(fragmentLimits("live", 6000), 0);
  const before = framesOf(seconds(1, 1)).flatMap((frame) => fragmenter.push(frame));
  before.push(...fragmenter.flush(48_000));
  fragmenter.restart(480_000);
  const after = framesOf(seconds(1, 1), 480_000).flatMap((frame) => fragmenter.push(frame));
  after.push(...fragmenter.flush(528_000));
  expect(before.at(-1)).toMatchObject({ endSample: 48_000, speech: true });
  expect(after[0]!.startSample).toBe(480_000);
  expect(after.at(-1)).toMatchObject({ endSample: 528_000, speech: true });
});

test.each([
  ["live", 4000, undefined, 1000],
  ["live", 6000, undefined, 2500],
  ["live", 7500, undefined, 4000],
  ["live", 30_000, undefined, 5000],
  ["file", 0, undefined, 10_000],
  ["live", 6000, 250, 250],
  ["live", 6000, 100, 250],
  ["file", 0, 60_000, 30_000],
] as const)("%s, delay %p ms, set %p: longest fragment %p ms", (pacing, delay, set, longest) => {
  expect(fragmentLimits(pacing, delay, set).longestMs).toBe(longest);
});
