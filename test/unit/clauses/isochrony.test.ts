import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type DubState,
  type PlacedSlot,
  type SlotRequest,
  defaultIsochronyLimits as limits,
  emptyDub,
  endedAt,
  fitSlot,
  latenessMs,
  pauseAfter,
  remainingStretch,
} from "../../../gpu/session/clauses/isochrony.ts";

const request = (over: Partial<SlotRequest>): SlotRequest => ({
  startMs: 10_000,
  endMs: 13_000,
  pauseAfterMs: 500 + limits.breathMs,
  naturalMs: 3000,
  writableFromMs: 0,
  ...over,
});

function placed(state: DubState, over: Partial<SlotRequest>): PlacedSlot {
  const { slot } = fitSlot(state, request(over));
  if (slot.outcome !== "placed") throw new Error("expected the clause to be placed");
  return slot;
}

describe("a clause on time", () => {
  test("starts with its source and keeps its natural tempo when it is as long", () => {
    expect(placed(emptyDub, {})).toEqual({
      outcome: "placed",
      startMs: 10_000,
      endMs: 13_000,
      tempo: 1,
      lateMs: 0,
      overrunMs: 0,
    });
  });

  test("uses the pause after it before it speaks faster", () => {
    expect(placed(emptyDub, { naturalMs: 3500 })).toMatchObject({ tempo: 1, endMs: 13_500 });
    expect(placed(emptyDub, { naturalMs: 3850 }).tempo).toBeCloseTo(1.1, 5);
  });

  test("is slowed towards the end of its source when it is shorter, but never below 0.85", () => {
    expect(placed(emptyDub, { naturalMs: 2700 })).toMatchObject({ tempo: 0.9, endMs: 13_000 });
    expect(placed(emptyDub, { naturalMs: 1000 }).tempo).toBe(0.85);
  });

  test("runs over a little rather than hurry, hurries rather than run over much, at most 1.30", () => {
    const tight = { pauseAfterMs: limits.breathMs };
    const justLate = { ...emptyDub, punctual: 0 };
    expect(placed(justLate, { ...tight, naturalMs: 3800 }).tempo).toBe(1.2);
    expect(placed(justLate, { ...tight, naturalMs: 1.25 * 3260 }).tempo).toBeCloseTo(1.25, 5);
    expect(placed(justLate, { ...tight, naturalMs: 6000 })).toMatchObject({ tempo: 1.3 });
  });

  test("runs over further where that makes one clause in twenty late, and not where many are", () => {
    const long = { pauseAfterMs: limits.breathMs, naturalMs: 1.2 * 3400 };
    const { slot, state } = fitSlot(emptyDub, request(long));
    expect(slot).toMatchObject({ tempo: 1.2, overrunMs: 400 });
    const next = { startMs: 13_000 + limits.breathMs, endMs: 16_000 + limits.breathMs };
    const second = fitSlot(state, request({ ...long, ...next }));
    expect(second.slot).toMatchObject({ lateMs: 400 });
    let after = second.state;
    for (let count = 0; count < limits.rareAfterClauses; count++) {
      const startMs = 20_000 + 4000 * count;
      const hurried = placed(after, { ...long, startMs, endMs: startMs + 3000 });
      expect(hurried.tempo).toBeGreaterThan(1.2);
      after = fitSlot(after, request({ startMs, endMs: startMs + 3000 })).state;
    }
    const startMs = 20_000 + 4000 * limits.rareAfterClauses;
    expect(placed(after, { ...long, startMs, endMs: startMs + 3000 }).tempo).toBe(1.2);
  });

  test("with nothing to say takes no time", () => {
    for (const naturalMs of [0, Number.NaN, -5])
      expect(placed(emptyDub, { naturalMs })).toMatchObject({ startMs: 10_000, endMs: 10_000 });
  });
});

describe("the pause after a clause", () => {
  const silences = [
    { startMs: 1000, endMs: 2000 },
    { startMs: 5000, endMs: 6000 },
  ];

  test("reaches from its end to the end of the silence there", () => {
    expect(pauseAfter(1000, { silences })).toBe(1000);
    expect(pauseAfter(4900, { silences })).toBe(1100);
    expect(pauseAfter(5200, { silences })).toBe(800);
    expect(pauseAfter(4700, { silences })).toBe(1300); // a word's end is told 300 ms early
  });

  test("ends with the next word where one was recognised", () => {
    expect(pauseAfter(1000, { silences, nextWordMs: 1060 })).toBe(60);
    expect(pauseAfter(3000, { silences, nextWordMs: 3200 })).toBe(200);
    expect(pauseAfter(3000, { silences, nextWordMs: 2990 })).toBe(0);
  });

  test("is none when speech goes on", () => {
    expect(pauseAfter(3000, { silences })).toBe(0);
    expect(pauseAfter(7000, { silences })).toBe(0);
  });
});

describe("a clause that is late", () => {
  test("because the one before ran over, starts after it and catches up in the pause", () => {
    const first = fitSlot(emptyDub, request({ pauseAfterMs: 0, naturalMs: 5000 }));
    expect(first.slot).toMatchObject({ tempo: 1.3 });
    const second = fitSlot(
      first.state,
      request({ startMs: 13_000, endMs: 15_000, pauseAfterMs: 2000, naturalMs: 2000 }),
    );
    expect(second.slot).toMatchObject({ outcome: "placed", tempo: 1, overrunMs: 0 });
    expect(second.state.late).toBe(1);
    const third = fitSlot(second.state, request({ startMs: 17_000, endMs: 19_000 }));
    expect(third.state.lateMs).toBe(0);
  });

  test("because its work took long, starts where fragments are still open, and is not slowed", () => {
    expect(placed(emptyDub, { writableFromMs: 11_000, naturalMs: 1500 })).toMatchObject({
      startMs: 11_000,
      lateMs: 1000,
      tempo: 1,
    });
  });

  test("by more than 1.5 s is dropped whole and counted, and the track stays free", () => {
    const step = fitSlot(emptyDub, request({ writableFromMs: 11_501 }));
    expect(step.slot).toEqual({ outcome: "dropped", lateMs: 1501 });
    expect(step.state).toEqual({ ...emptyDub, dropped: 1 });
    expect(latenessMs(emptyDub, request({ writableFromMs: 11_501 }))).toBe(1501);
    expect(placed(emptyDub, { writableFromMs: 11_500 }).lateMs).toBe(1500);
  });
});

describe("what a synthesiser gave instead of what it was asked", () => {
  const slot = placed(emptyDub, { naturalMs: 3850 });

  test("is stretched to the planned length", () => {
    const spokenMs = 3600;
    expect(spokenMs * remainingStretch(slot, 3850, spokenMs)).toBeCloseTo(3500, 6);
    expect(remainingStretch(slot, 3850, 3500)).toBe(1);
  });

  test("never beyond the tempo limits, and an empty one is left alone", () => {
    const far = { ...slot, endMs: slot.startMs + 100 };
    expect(3600 * remainingStretch(far, 3850, 3600)).toBeCloseTo(3850 / 1.3, 6);
    expect(remainingStretch(slot, 3850, 0)).toBe(1);
  });

  test("frees the track from its true end", () => {
    const { state } = fitSlot(emptyDub, request({}));
    expect(endedAt(state, 13_040).freeAtMs).toBe(13_040);
  });
});

describe("over any row of clauses", () => {
  const row = fc.array(
    fc.record({
      lengthMs: fc.integer({ min: 200, max: 6000 }),
      pauseAfterMs: fc.integer({ min: 0, max: 3000 }),
      ratio: fc.double({ min: 0.3, max: 2.5, noNaN: true }),
      delayMs: fc.integer({ min: -3000, max: 3000 }),
    }),
    { minLength: 1, maxLength: 30 },
  );

  test("dubs keep order and distance, tempo stays in 0.85–1.30, none starts early or more than 1.5 s late", () => {
    fc.assert(
      fc.property(row, (clauses) => {
        let state = emptyDub;
        let atMs = 0;
        let dropped = 0;
        let placedCount = 0;
        for (const { lengthMs, pauseAfterMs, ratio, delayMs } of clauses) {
          const before = state.freeAtMs;
          const naturalMs = lengthMs * ratio;
          const one = {
            startMs: atMs,
            endMs: atMs + lengthMs,
            pauseAfterMs,
            naturalMs,
            writableFromMs: atMs + delayMs,
          };
          const { slot, state: after } = fitSlot(state, one);
          if (slot.outcome === "placed") {
            placedCount++;
            expect(slot.tempo).toBeGreaterThanOrEqual(limits.slowestTempo);
            expect(slot.tempo).toBeLessThanOrEqual(limits.fastestTempo);
            expect((slot.endMs - slot.startMs) * slot.tempo).toBeCloseTo(naturalMs, 3);
            expect(slot.startMs).toBeGreaterThanOrEqual(Math.max(atMs, before + limits.breathMs));
            expect(slot.lateMs).toBeLessThanOrEqual(limits.latestMs);
          } else dropped++;
          state = after;
          atMs += lengthMs + pauseAfterMs;
        }
        expect(state).toMatchObject({ dropped, placed: placedCount });
      }),
    );
  });

  test("dubs that fit their slots are never late", () => {
    fc.assert(
      fc.property(row, (clauses) => {
        let state = emptyDub;
        let atMs = 0;
        for (const { lengthMs, pauseAfterMs } of clauses) {
          const naturalMs = Math.max(0, lengthMs + pauseAfterMs - limits.breathMs);
          const one = {
            startMs: atMs,
            endMs: atMs + lengthMs,
            pauseAfterMs,
            naturalMs,
            writableFromMs: atMs,
          };
          const step = fitSlot(state, one);
          expect(step.slot.lateMs).toBeCloseTo(0, 6);
          state = step.state;
          atMs += lengthMs + pauseAfterMs;
        }
      }),
    );
  });
});
