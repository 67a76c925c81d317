import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SessionTrack, trackRateHz } from "../../../gpu/session/clauses/track.ts";

const msToNs = 1e6;
const perMs = trackRateHz / 1000;

/** Every sample tells its own place, so what is read shows where it came from. */
const ramp = (fromSample: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => valueAt(fromSample + i));
const valueAt = (sample: number): number => Math.fround(((sample % 1021) + 1) / 1100);

describe("pieces are placed by their stamps", () => {
  test("one after another", () => {
    const track = new SessionTrack();
    track.append({ samples: ramp(0, 320 * perMs), ptsNs: 0 });
    const second = track.append({ samples: ramp(320 * perMs, 320 * perMs), ptsNs: 320 * msToNs });
    expect(second).toMatchObject({
      startSample: 320 * perMs,
      endSample: 640 * perMs,
      holeSamples: 0,
    });
    expect(track.read(0, 640 * perMs)).toEqual(ramp(0, 640 * perMs));
  });

  test("what overlaps the piece before is removed", () => {
    const track = new SessionTrack();
    track.append({ samples: ramp(0, 500 * perMs), ptsNs: 0 });
    const second = track.append({ samples: ramp(400 * perMs, 500 * perMs), ptsNs: 400 * msToNs });
    expect(second.overlapSamples).toBe(100 * perMs);
    expect(track.read(0, 900 * perMs)).toEqual(ramp(0, 900 * perMs));
  });

  test("a repeat adds nothing", () => {
    const track = new SessionTrack();
    track.append({ samples: ramp(0, 500 * perMs), ptsNs: 0 });
    const again = track.append({ samples: ramp(0, 500 * perMs), ptsNs: 0 });
    expect(again).toMatchObject({
      startSample: 500 * perMs,
      endSample: 500 * perMs,
      jumped: false,
    });
    expect(track.read(0, 600 * perMs).subarray(500 * perMs)).toEqual(new Float32Array(100 * perMs));
  });

  test("holes and speechless stretches are kept as time, and carry no sound", () => {
    const track = new SessionTrack();
    track.append({ samples: ramp(0, 100 * perMs), ptsNs: 0 });
    track.append({ durationMs: 400, ptsNs: 100 * msToNs });
    const third = track.append({ samples: ramp(700 * perMs, 100 * perMs), ptsNs: 700 * msToNs });
    expect(third.holeSamples).toBe(200 * perMs);
    expect(track.endSample).toBe(800 * perMs);
    expect(track.soundWithin(0, 800 * perMs)).toEqual([
      { startSample: 0, endSample: 100 * perMs },
      { startSample: 700 * perMs, endSample: 800 * perMs },
    ]);
    expect(track.read(700 * perMs, 800 * perMs)).toEqual(ramp(700 * perMs, 100 * perMs));
  });

  test("stamps that are rounded to milliseconds leave no holes", () => {
    const track = new SessionTrack();
    for (let i = 0; i < 30; i++)
      expect(
        track.append({ samples: ramp(i * 5333, 5333), ptsNs: Math.round(i * 333.3125) * msToNs }),
      ).toMatchObject({ holeSamples: 0, overlapSamples: 0 });
    expect(track.read(0, 30 * 5333)).toEqual(ramp(0, 30 * 5333));
  });

  test("a piece without a stamp, or with one that is no time, follows what came before", () => {
    const track = new SessionTrack();
    track.append({ samples: ramp(0, 160), ptsNs: 1000 * msToNs });
    for (const ptsNs of [undefined, Number.NaN, -5, Number.POSITIVE_INFINITY])
      expect(track.append({ samples: ramp(0, 160), ptsNs })).toMatchObject({ holeSamples: 0 });
    expect(track.endSample).toBe(1000 * perMs + 5 * 160);
  });

  test("a session that is opened again goes on in session time", () => {
    const track = new SessionTrack();
    const first = track.append({ samples: ramp(0, 160), ptsNs: 3_600_000 * msToNs });
    expect(first).toMatchObject({ startSample: 3_600_000 * perMs, holeSamples: 0 });
    expect(track.heldBytes).toBeLessThan(100_000);
  });
});

describe("a clock that jumps", () => {
  test("back, far beyond any overlap: time goes on, and the sender's time is still known", () => {
    const track = new SessionTrack();
    track.append({ samples: ramp(0, 1000 * perMs), ptsNs: 60_000 * msToNs });
    const after = track.append({ samples: ramp(0, 500 * perMs), ptsNs: 0 });
    expect(after).toMatchObject({ jumped: true, startSample: 61_000 * perMs, holeSamples: 0 });
    expect(track.ptsMsAt(after.startSample)).toBe(0);
    expect(track.ptsMsAt(after.startSample + 250 * perMs)).toBe(250);
    expect(track.ptsMsAt(60_500 * perMs)).toBe(60_500);
    expect(track.append({ samples: ramp(0, 160), ptsNs: 500 * msToNs })).toMatchObject({
      jumped: false,
      holeSamples: 0,
    });
  });

  test("ahead, far beyond any hole: the gap is not filled", () => {
    const track = new SessionTrack();
    track.append({ samples: ramp(0, 1000 * perMs), ptsNs: 0 });
    const after = track.append({ samples: ramp(0, 160), ptsNs: 1e15 });
    expect(after).toMatchObject({ jumped: true, startSample: 1000 * perMs });
    expect(track.ptsMsAt(after.startSample)).toBe(1e9);
  });
});

test("samples that are no sound are repaired and counted", () => {
  const track = new SessionTrack();
  const wild = new Float32Array([0.5, Number.NaN, Infinity, -Infinity, 7, -7, 1, -1]);
  expect(track.append({ samples: wild, ptsNs: 0 }).repairedSamples).toBe(5);
  expect([...track.read(0, 8)]).toEqual([0.5, 0, 1, -1, 1, -1, 1, -1]);
});

describe("memory is bounded", () => {
  test("the oldest sound goes, and is counted, when nobody releases it", () => {
    const track = new SessionTrack({ longestSeconds: 10 });
    for (let i = 0; i < 60; i++) track.append({ samples: ramp(0, trackRateHz) });
    expect(track.heldBytes).toBeLessThanOrEqual(11 * trackRateHz * 4);
    expect(track.lostSamples).toBe(50 * trackRateHz);
    expect(track.firstKeptSample).toBe(50 * trackRateHz);
  });

  test("what is released is gone, and lost to nobody", () => {
    const track = new SessionTrack({ longestSeconds: 10 });
    for (let i = 0; i < 60; i++) {
      track.append({ samples: ramp(i * trackRateHz, trackRateHz) });
      track.release(track.endSample - 2 * trackRateHz);
    }
    expect(track.lostSamples).toBe(0);
    expect(track.heldBytes).toBeLessThanOrEqual(3 * trackRateHz * 4);
    expect(track.read(58 * trackRateHz, 60 * trackRateHz)).toEqual(
      ramp(58 * trackRateHz, 2 * trackRateHz),
    );
  });

  test("an hour of silence costs nothing", () => {
    const track = new SessionTrack();
    for (let i = 0; i < 3600; i++) track.append({ durationMs: 1000 });
    expect(track.heldBytes).toBe(0);
    expect(track.endSample).toBe(3600 * trackRateHz);
  });

  test("fragments of 1 ms and of 60 s are one sound", () => {
    const track = new SessionTrack();
    for (let i = 0; i < 500; i++)
      track.append({ samples: ramp(i * perMs, perMs), ptsNs: i * msToNs });
    track.append({ samples: ramp(500 * perMs, 60_000 * perMs), ptsNs: 500 * msToNs });
    expect(track.read(0, 60_500 * perMs)).toEqual(ramp(0, 60_500 * perMs));
  });
});

test("however the sound is divided, with whatever overlaps and holes, each sample lies at its place", () => {
  const piece = fc.record({
    shiftMs: fc.integer({ min: -300, max: 700 }),
    lengthMs: fc.integer({ min: 1, max: 900 }),
    silent: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 20 }), (pieces) => {
      const track = new SessionTrack();
      const truth = new Map<number, boolean>();
      let endMs = 0;
      for (const { shiftMs, lengthMs, silent } of pieces) {
        const wantedMs = Math.max(0, endMs + shiftMs);
        const startMs = Math.abs(wantedMs - endMs) < 2 ? endMs : wantedMs; // rounding, not a hole
        const ptsNs = startMs * msToNs;
        if (silent) track.append({ durationMs: lengthMs, ptsNs });
        else track.append({ samples: ramp(startMs * perMs, lengthMs * perMs), ptsNs });
        for (let ms = Math.max(startMs, endMs); ms < startMs + lengthMs; ms++)
          truth.set(ms, !silent);
        endMs = Math.max(endMs, startMs + lengthMs);
      }
      expect(track.endSample).toBe(endMs * perMs);
      const heard = track.read(0, endMs * perMs);
      for (let ms = 0; ms < endMs; ms++)
        expect(heard[ms * perMs]).toBe(truth.get(ms) === true ? valueAt(ms * perMs) : 0);
    }),
    { numRuns: 60 },
  );
});
