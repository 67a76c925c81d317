import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DubTrack } from "../../../gpu/session/clauses/dub-track.ts";
import { Settlement, uncutFrom } from "../../../gpu/session/clauses/settlement.ts";
import {
  FragmentSlicer,
  type HeldFragment,
  type Verdict,
  answerBy,
  answerLeadMs,
} from "../../../gpu/session/clauses/slicer.ts";

const lengthMs = 500;
const delayMs = 6000;

/** The fragment of that number, received when it ends, live with 6 s of delay. */
const fragment = (sequence: number, over: Partial<HeldFragment> = {}): HeldFragment => {
  const startMs = sequence * lengthMs;
  const receivedAtMs = startMs + lengthMs;
  return {
    fragmentId: `f${sequence}`,
    sequence,
    startMs,
    endMs: startMs + lengthMs,
    receivedAtMs,
    answerByMs: answerBy("live", receivedAtMs, delayMs - lengthMs, 8000),
    ...over,
  };
};

const slicer = (): FragmentSlicer => new FragmentSlicer({ holeTimeoutMs: 8000 });
const never = (): boolean => false;
const growingFromMs = Number.POSITIVE_INFINITY;
const always = (): boolean => true;

const ask = (
  one: FragmentSlicer,
  nowMs: number,
  finalUntilMs: number,
  carriesDub = never,
): string[] =>
  one.advance({ nowMs, finalUntilMs, growingFromMs, carriesDub }).map((verdict) => nameOf(verdict));

const nameOf = (verdict: Verdict): string =>
  `${verdict.kind} ${verdict.kind === "hole" ? verdict.sequence : verdict.fragment.sequence}`;

describe("a fragment is answered", () => {
  test("as soon as every clause that may sound in it is settled", () => {
    const one = slicer();
    one.accept(fragment(0));
    one.accept(fragment(1));
    expect(ask(one, 1000, 499)).toEqual([]);
    expect(ask(one, 1100, 500)).toEqual(["ready 0"]);
    expect(ask(one, 1200, 5000)).toEqual(["ready 1"]);
    expect(one.answeredUntilMs).toBe(1000);
  });

  test("with the time it was held", () => {
    const one = slicer();
    one.accept(fragment(0));
    expect(
      one.advance({ nowMs: 1700, finalUntilMs: 500, growingFromMs, carriesDub: never }),
    ).toMatchObject([{ kind: "ready", heldMs: 1200 }]);
  });

  test("300 ms before its first sample airs as missed, when nothing is known of it", () => {
    const one = slicer();
    one.accept(fragment(0));
    const airsAtMs = delayMs;
    expect(one.nextWakeMs()).toBe(airsAtMs - answerLeadMs);
    expect(ask(one, airsAtMs - answerLeadMs - 1, 0)).toEqual([]);
    expect(ask(one, airsAtMs - answerLeadMs, 0)).toEqual(["missed 0"]);
  });

  test("then as late, when words of the dub are in it: failing it would cut them", () => {
    const one = slicer();
    one.accept(fragment(0));
    expect(ask(one, delayMs - answerLeadMs, 0, always)).toEqual(["late 0"]);
  });

  test("as ready although the clock was read a little late, but not when it airs already", () => {
    const punctual = slicer();
    punctual.accept(fragment(0));
    expect(ask(punctual, delayMs - answerLeadMs + 20, 500)).toEqual(["ready 0"]);
    const asleep = slicer();
    asleep.accept(fragment(0));
    expect(ask(asleep, delayMs + 10, 500)).toEqual(["missed 0"]);
  });

  test("strictly in order: one that is final waits for the one before it", () => {
    const one = slicer();
    one.accept(fragment(1));
    one.accept(fragment(2));
    expect(ask(one, 1600, 9000)).toEqual([]);
    one.accept(fragment(0));
    expect(ask(one, 1700, 9000)).toEqual(["ready 0", "ready 1", "ready 2"]);
  });
});

describe("a hole", () => {
  test("is skipped at its own deadline, one fragment after the one before it", () => {
    const one = slicer();
    one.accept(fragment(0));
    expect(ask(one, 600, 500)).toEqual(["ready 0"]);
    one.accept(fragment(2));
    expect(ask(one, 1500, 9000)).toEqual([]);
    const ownMs = delayMs + lengthMs - answerLeadMs;
    expect(one.nextWakeMs()).toBe(ownMs);
    expect(ask(one, ownMs - 1, 9000)).toEqual([]);
    expect(ask(one, ownMs, 9000)).toEqual(["hole 1", "ready 2"]);
    expect(one.accept(fragment(1))).toBe("stale");
  });

  test("at a session's beginning never costs the first fragment its deadline", () => {
    const one = slicer();
    one.accept(fragment(3, { answerByMs: 4000 }));
    expect(ask(one, 100, 9000)).toEqual([]);
    expect(one.nextWakeMs()).toBe(4000);
    expect(ask(one, 4000, 9000)).toEqual(["hole 0", "hole 1", "hole 2", "ready 3"]);
  });

  test("without deadlines lasts for the timeout, a run of them together", () => {
    const one = slicer();
    one.accept(fragment(2, { answerByMs: Number.POSITIVE_INFINITY }));
    expect(ask(one, 1000, 9000)).toEqual([]);
    expect(one.nextWakeMs()).toBe(9000);
    expect(ask(one, 9000, 9000)).toEqual(["hole 0", "hole 1", "ready 2"]);
  });

  test("is not waited for once the stream has ended", () => {
    const one = slicer();
    one.accept(fragment(1));
    one.end();
    expect(ask(one, 1000, 9000)).toEqual(["hole 0", "ready 1"]);
  });
});

describe("numbers", () => {
  test("that repeat, come too late or exceed the bound are told apart", () => {
    const one = new FragmentSlicer({ holeTimeoutMs: 8000, capacity: 2 });
    expect(one.accept(fragment(0))).toBe("accepted");
    expect(one.accept(fragment(0))).toBe("repeated");
    expect(one.accept(fragment(1))).toBe("accepted");
    expect(one.accept(fragment(2))).toBe("full");
    expect(ask(one, 1000, 9000)).toEqual(["ready 0", "ready 1"]);
    expect(one.accept(fragment(1))).toBe("stale");
    expect([one.heldCount, one.nextSequence]).toEqual([0, 2]);
  });
});

test("an answer is due by air time when live, by the timeout in the base protocol, never in a file", () => {
  expect(answerBy("live", 1000, 5000, 8000)).toBe(5700);
  expect(answerBy("live", 1000, 100, 8000)).toBe(1000);
  expect(answerBy("live", 1000, undefined, 8000)).toBe(9000);
  expect(answerBy("fragment", 1000, 5000, 8000)).toBe(9000);
  expect(answerBy("file", 1000, 5000, 8000)).toBe(Number.POSITIVE_INFINITY);
});

test("in whatever order they come, all numbers leave once and in order, none after its deadline as ready", () => {
  const run = fc.record({
    order: fc.shuffledSubarray(
      Array.from({ length: 24 }, (_, i) => i),
      { minLength: 1 },
    ),
    knownMs: fc.integer({ min: -1000, max: 7000 }),
    stepMs: fc.integer({ min: 20, max: 900 }),
  });
  fc.assert(
    fc.property(run, ({ order, knownMs, stepMs }) => {
      const one = slicer();
      const left: Verdict[] = [];
      const queue = [...order];
      for (let nowMs = 0; nowMs < 40_000; nowMs += stepMs) {
        const next = queue.shift();
        if (next !== undefined) one.accept(fragment(next));
        const verdicts = one.advance({
          ...{ nowMs, finalUntilMs: nowMs - knownMs },
          ...{ growingFromMs, carriesDub: never },
        });
        for (const verdict of verdicts)
          if (verdict.kind === "ready")
            expect(nowMs).toBeLessThanOrEqual(verdict.fragment.answerByMs + 50);
        left.push(...verdicts);
      }
      const numbers = left.map((v) => (v.kind === "hole" ? v.sequence : v.fragment.sequence));
      expect(numbers).toEqual(Array.from({ length: one.nextSequence }, (_, i) => i));
      expect(one.heldCount).toBe(0);
    }),
  );
});

describe("what is settled", () => {
  test("reaches to the first clause that is still open, in each language", () => {
    const clauses = new Settlement();
    clauses.open("a", 2000, ["pt", "es"]);
    clauses.open("b", 5000, ["pt", "es"]);
    expect(clauses.finalUntilMs("pt", 0, 9000)).toBe(2000);
    clauses.settle("a", "pt");
    expect(clauses.finalUntilMs("pt", 0, 9000)).toBe(5000);
    expect(clauses.finalUntilMs("es", 0, 9000)).toBe(2000);
    clauses.settle("b", "pt");
    expect(clauses.finalUntilMs("pt", 0, 9000)).toBe(9000);
    expect([clauses.openCount("pt"), clauses.openCount("es")]).toEqual([0, 2]);
  });

  test("reaches at least to the end of what is placed: nothing can begin before that", () => {
    const clauses = new Settlement();
    clauses.open("b", 5000, ["pt"]);
    expect(clauses.finalUntilMs("pt", 6200, 9000)).toBe(6200);
  });

  test("names the clauses that are late when a moment must be answered", () => {
    const clauses = new Settlement();
    clauses.open("a", 2000, ["pt", "es"]);
    clauses.open("b", 2600, ["pt"]);
    expect(clauses.openBefore(2500)).toEqual(["a"]);
    clauses.settle("unknown", "pt");
    expect(clauses.openBefore(1000)).toEqual([]);
  });

  test("stops before words that are in no clause, speech that goes on, and what is not heard yet", () => {
    expect(uncutFrom({ heardUntilMs: 8000 })).toBe(7800);
    expect(uncutFrom({ heardUntilMs: 8000, speechStartMs: 6000 })).toBe(5800);
    expect(uncutFrom({ heardUntilMs: 8000, speechStartMs: 6000, firstWordMs: 5500 })).toBe(5500);
  });
});

describe("the dub track", () => {
  const tone = (count: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => i + 1);

  test("gives silence where nothing sounds, and names the clauses that begin", () => {
    const track = new DubTrack(1000);
    expect(track.place({ clauseId: "a", startMs: 100, samples: tone(50) })).toBe(true);
    const slice = track.read(80, 120);
    expect([...slice.samples]).toEqual([...new Float32Array(20), ...tone(20)]);
    expect(slice.beginning).toEqual(["a"]);
    expect(track.read(120, 160).beginning).toEqual([]);
    expect(track.soundsWithin(149, 200)).toBe(true);
    expect(track.soundsWithin(150, 200)).toBe(false);
  });

  test("holds a bounded length, and frees what was read", () => {
    const track = new DubTrack(1000, 1);
    expect(track.place({ clauseId: "a", startMs: 0, samples: tone(800) })).toBe(true);
    expect(track.place({ clauseId: "b", startMs: 900, samples: tone(300) })).toBe(false);
    track.release(810); // the last 10 ms are kept: they lie before the next slice
    expect(track.heldSamples).toBe(0);
    expect(track.place({ clauseId: "b", startMs: 900, samples: tone(300) })).toBe(true);
  });

  test("read fragment by fragment gives every clause whole, whatever the lengths and rates", () => {
    const clause = fc.record({ gapMs: fc.nat(900), count: fc.integer({ min: 1, max: 4000 }) });
    const rates = fc.constantFrom(16_000, 22_050, 24_000, 44_100);
    const lengths = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(clause, { maxLength: 6 }), rates, lengths, (clauses, rateHz, ms) => {
        const track = new DubTrack(rateHz);
        let atMs = 0;
        for (const [i, { gapMs, count }] of clauses.entries()) {
          atMs += gapMs + 1;
          track.place({ clauseId: `c${i}`, startMs: atMs, samples: tone(count) });
          atMs += (count / rateHz) * 1000;
        }
        const whole = track.read(0, atMs + 1000);
        const parts: number[] = [];
        const begun: string[] = [];
        for (let startMs = 0, i = 0; startMs < atMs + 1000; i++) {
          const endMs = Math.min(atMs + 1000, startMs + (ms[i % ms.length] ?? 100));
          const slice = track.read(startMs, endMs);
          parts.push(...slice.samples);
          begun.push(...slice.beginning);
          startMs = endMs;
        }
        expect(parts).toEqual([...whole.samples]);
        expect(begun).toEqual(clauses.map((_, i) => `c${i}`));
        const sounding = parts.filter((sample) => sample !== 0);
        expect(sounding).toEqual(clauses.flatMap(({ count }) => [...tone(count)]));
      }),
      { numRuns: 40 },
    );
  });
});
