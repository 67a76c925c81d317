import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DubTrack, type Placement, type Settlement } from "../../../src/worker/dub-track.ts";
import { RecordingLink } from "./recording-link.ts";

const second = 48_000;

/** Mono s16: `leadMs` of silence, `voiceMs` of sound, `tailMs` of silence. */
function spoken(leadMs: number, voiceMs: number, tailMs = 0): Int16Array {
  const samples = new Int16Array(Math.round((leadMs + voiceMs + tailMs) * 48));
  const from = Math.round(leadMs * 48);
  for (let i = from; i < from + Math.round(voiceMs * 48); i++) samples[i] = i % 2 ? 8000 : -8000;
  return samples;
}

function newTrack(patient = false) {
  const link = new RecordingLink();
  return { link, track: new DubTrack(link, "pt", patient) };
}

async function place(
  track: DubTrack,
  startSample: number,
  endSample: number,
  settlement: Settlement,
): Promise<Placement> {
  return new Promise((resolve) => track.reserve({ startSample, endSample })(settlement, resolve));
}

const kinds = (link: RecordingLink) =>
  link.regions.map(({ kind, startSample, endSample }) => [kind, startSample, endSample] as const);

test("stretches are handed over in order, whatever order they are settled in", async () => {
  const { link, track } = newTrack();
  const settles = [0, 1, 2].map((index) =>
    track.reserve({ startSample: index * second, endSample: (index + 1) * second }),
  );
  settles[2]!({ kind: "original" });
  settles[1]!({ kind: "dub", samples: spoken(0, 500) });
  expect(link.sent).toEqual([]);
  expect(track.pending).toBe(3);
  settles[0]!({ kind: "fallback" });
  await track.settled();
  expect(kinds(link)).toEqual([
    ["fallback", 0, second],
    ["dub", second, 2 * second],
    ["original", 2 * second, 3 * second],
  ]);
});

test("a dub's audio comes before its region, at the place of its voice", async () => {
  const { link, track } = newTrack();
  const placement = await place(track, 10 * second, 12 * second, {
    kind: "dub",
    samples: spoken(400, 1000, 600),
  });
  expect(link.sent.map(({ type }) => type)).toEqual(["audio", "audio", "region"]);
  const voiceFrom = 10 * second + (400 - 30) * 48; // 30 ms are kept before the first loud sample
  expect(link.audio[0]!.startSample).toBe(voiceFrom);
  expect(placement).toMatchObject({ kind: "dub", dubStartSample: voiceFrom });
  expect(placement.dubEndSample! - voiceFrom).toBe(1060 * 48);
});

test("a dub that is longer than its stretch runs on into the pause", async () => {
  const { link, track } = newTrack();
  await place(track, 0, second, { kind: "dub", samples: spoken(0, 1800) });
  await place(track, second, 3 * second, { kind: "original" });
  const end = (1800 + 30) * 48;
  const trimmed = Math.min(end, 1800 * 48); // nothing follows the voice in this answer
  expect(kinds(link)).toEqual([
    ["dub", 0, second],
    ["dub", second, trimmed],
    ["original", trimmed, 3 * second],
  ]);
});

test("the next dub gives up leading silence first, and starts later second; no word is cut", async () => {
  const { link, track } = newTrack();
  await place(track, 0, second, { kind: "dub", samples: spoken(0, 1300) });
  const lead = await place(track, second, 2 * second, { kind: "dub", samples: spoken(500, 800) });
  expect(lead.dubStartSample).toBe(second + 470 * 48); // it fits behind the other: not moved
  const next = await place(track, 2 * second, 3 * second, { kind: "dub", samples: spoken(0, 500) });
  expect(next.dubStartSample).toBe(lead.dubEndSample! + 60 * 48);
  const sentSamples = link.audio.reduce((sum, { pcm }) => sum + pcm.length / 2, 0);
  expect(sentSamples).toBe((1300 + 830 + 500) * 48);
});

test("a dub that would start over 1.5 s late is left out as a whole", async () => {
  const { link, track } = newTrack();
  await place(track, 0, second, { kind: "dub", samples: spoken(0, 2600) });
  const before = link.audio.length;
  const late = await place(track, second, 2 * second, { kind: "dub", samples: spoken(0, 900) });
  expect(late).toMatchObject({ kind: "fallback", dropped: "overrun", dubStartSample: undefined });
  expect(link.audio).toHaveLength(before);
  // The first dub still sounds there, so the fallback begins where it ends.
  expect(kinds(link).slice(1)).toEqual([["dub", second, 2 * second]]);
});

test("an engine that plays the source back replaces it sample by sample", async () => {
  const { link, track } = newTrack();
  const samples = spoken(200, 300, 500);
  const placement = await place(track, 5 * second, 6 * second, { kind: "replace", samples });
  expect(placement).toMatchObject({ dubStartSample: 5 * second, dubEndSample: 6 * second });
  expect(kinds(link)).toEqual([["replace", 5 * second, 6 * second]]);
  const pcm = Buffer.concat(link.audio.map((message) => message.pcm));
  expect(pcm.equals(Buffer.from(samples.buffer))).toBe(true);
});

test("a dub of silence is no dub: the original plays", async () => {
  const { link, track } = newTrack();
  const placement = await place(track, 0, second, { kind: "dub", samples: new Int16Array(second) });
  expect(placement.kind).toBe("original");
  expect(link.audio).toHaveLength(0);
});

test("a full link costs the dub when live, and time with pacing file", async () => {
  const live = newTrack(false);
  live.link.room = false;
  const lost = await place(live.track, 0, second, { kind: "dub", samples: spoken(0, 500) });
  expect(lost).toMatchObject({ kind: "fallback", dropped: "link_full" });

  const file = newTrack(true);
  file.link.room = false;
  const waiting = place(file.track, 0, second, { kind: "dub", samples: spoken(0, 500) });
  await Promise.resolve();
  expect(file.link.sent).toEqual([]);
  file.link.room = true;
  expect(await waiting).toMatchObject({ kind: "dub", dropped: undefined });
});

describe("where fragments overlap", () => {
  const overlapSamples = 200 * 48;
  const full = (ms: number) => ({ kind: "dub", samples: spoken(0, ms) }) as const;
  /** A stretch of a second, and what settles it; its dub holds the overlap too. */
  const next = (track: DubTrack, index: number, settlement: Settlement) =>
    new Promise<Placement>((resolve) => {
      const [startSample, endSample] = [index * second, (index + 1) * second];
      track.reserve({ startSample, endSample, overlapSamples })(settlement, resolve);
    });

  test.each(["dub", "replace"] as const)(
    "each %s begins in the one before, and takes over from it until that one's end",
    async (kind) => {
      const { link, track } = newTrack();
      await place(track, 0, second, { kind, samples: spoken(0, 1000) });
      const placement = await next(track, 1, { kind, samples: spoken(0, 1200) });
      const takingOver = link.audio.filter(
        ({ crossfadeSamples }) => crossfadeSamples !== undefined,
      );
      expect(takingOver).toMatchObject([
        { startSample: second - overlapSamples, crossfadeSamples: overlapSamples },
      ]);
      expect(placement).toMatchObject({
        dubStartSample: second - overlapSamples,
        dubEndSample: 2 * second,
      });
      expect(kinds(link).at(-1)).toEqual([kind, second - overlapSamples, 2 * second]);
    },
  );

  test("a voice that sets in within the overlap takes over from there", async () => {
    const { link, track } = newTrack();
    await place(track, 0, second, full(1000));
    await next(track, 1, { kind: "dub", samples: spoken(150, 1000) });
    expect(link.audio.at(-2)).toMatchObject({
      startSample: second - 80 * 48,
      crossfadeSamples: 80 * 48,
    });
  });

  test("after a fragment that was not dubbed the next one's whole dub sounds, and is what is settled there", async () => {
    const { link, track } = newTrack();
    await place(track, 0, second, { kind: "fallback" });
    await next(track, 1, full(1200));
    expect(link.audio[0]).toMatchObject({ startSample: second - overlapSamples });
    expect(link.audio[0]).not.toHaveProperty("crossfadeSamples");
    expect(kinds(link)).toEqual([
      ["fallback", 0, second],
      ["dub", second - overlapSamples, 2 * second],
    ]);
  });

  test("before a fragment that was not dubbed a dub sounds to its end", async () => {
    const { link, track } = newTrack();
    await place(track, 0, second, full(1000));
    await next(track, 1, { kind: "fallback" });
    expect(link.audio.reduce((sum, { pcm }) => sum + pcm.length / 2, 0)).toBe(second);
    expect(kinds(link).at(-1)).toEqual(["fallback", second, 2 * second]);
  });

  test("words that run on past the overlap are not cut: the next dub waits for their end", async () => {
    const { link, track } = newTrack();
    await place(track, 0, second, full(1400));
    const placement = await next(track, 1, full(1200));
    expect(placement.dubStartSample).toBe((1400 + 60) * 48);
    expect(link.audio.every(({ crossfadeSamples }) => crossfadeSamples === undefined)).toBe(true);
  });

  test("a word shorter than what still sounds takes nothing over", async () => {
    const { link, track } = newTrack();
    await place(track, 0, second, full(1000));
    const placement = await next(track, 1, { kind: "dub", samples: spoken(0, 100) });
    expect(placement.dubStartSample).toBe((1000 + 60) * 48);
    expect(link.audio.at(-1)).not.toHaveProperty("crossfadeSamples");
  });
});

test("regions cover every stretch once, in order, and no two dubs overlap", async () => {
  const settlementOf = fc.oneof(
    fc.constant<Settlement>({ kind: "original" }),
    fc.constant<Settlement>({ kind: "fallback" }),
    fc
      .tuple(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 5, max: 4000 }))
      .map(([lead, voice]): Settlement => ({ kind: "dub", samples: spoken(lead, voice) })),
  );
  const plan = fc.array(
    fc.record({ lengthMs: fc.integer({ min: 250, max: 5000 }), settlement: settlementOf }),
    { minLength: 1, maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(plan, async (stretches) => {
      const { link, track } = newTrack();
      let at = 0;
      const settles = stretches.map(({ lengthMs, settlement }) => {
        const startSample = at;
        at += lengthMs * 48;
        return { settle: track.reserve({ startSample, endSample: at }), settlement };
      });
      for (const { settle, settlement } of settles.toReversed()) settle(settlement);
      await track.settled();
      let covered = 0;
      for (const { startSample, endSample } of link.regions) {
        expect(startSample).toBe(covered);
        covered = endSample;
      }
      expect(covered).toBe(at);
      let busyUntil = 0;
      for (const { startSample, pcm } of link.audio) {
        expect(startSample).toBeGreaterThanOrEqual(busyUntil);
        busyUntil = startSample + pcm.length / 2;
      }
    }),
    { numRuns: 60 },
  );
});
