import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { furthestFirstNumber, Sequencer } from "../../../gpu/session/sequencer.ts";

interface Answer {
  readonly sequence: number;
}

const timeoutMs = 1000;

describe("Sequencer", () => {
  test("whatever the order of arrival and of answers, all leave in order and none is lost", () => {
    const runs = fc.integer({ min: 1, max: 32 }).chain((count) => {
      const numbers = Array.from({ length: count }, (_, i) => i);
      const shuffled = fc.shuffledSubarray(numbers, { minLength: count, maxLength: count });
      return fc.tuple(shuffled, shuffled);
    });
    fc.assert(
      fc.property(runs, ([arrivals, answers]) => {
        const sequencer = new Sequencer<Answer>(timeoutMs);
        const out: number[] = [];
        for (const sequence of arrivals) {
          expect(sequencer.check(sequence)).toEqual({ ok: true });
          sequencer.accept(sequence, 0);
        }
        for (const sequence of answers) {
          expect(sequencer.settle(sequence, { sequence })).toBe(true);
          out.push(...sequencer.drain(1).answers.map((answer) => answer.sequence));
        }
        expect(out).toEqual(arrivals.toSorted((a, b) => a - b));
        expect(sequencer.held).toBe(0);
      }),
    );
  });

  test("with losses, duplicates and time passing: strictly ascending, each accepted one once, each hole told once", () => {
    const step = fc.record({
      sequence: fc.integer({ min: 0, max: 40 }),
      afterMs: fc.integer({ min: 0, max: 700 }),
      answerNow: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const sequencer = new Sequencer<Answer>(timeoutMs);
        const accepted = new Set<number>();
        const unanswered: number[] = [];
        const out: number[] = [];
        const passedOver: number[] = [];
        let nowMs = 0;
        const drain = (atMs: number) => {
          const { answers, holes } = sequencer.drain(atMs);
          out.push(...answers.map((answer) => answer.sequence));
          for (const { expected, got } of holes)
            for (let n = expected; n < got; n++) passedOver.push(n);
        };
        for (const { sequence, afterMs, answerNow } of steps) {
          nowMs += afterMs;
          drain(nowMs);
          const verdict = sequencer.check(sequence);
          const used = accepted.has(sequence) || passedOver.includes(sequence);
          const tooFar = accepted.size === 0 && sequence > furthestFirstNumber;
          expect(verdict.ok).toBe(!used && !tooFar);
          if (!verdict.ok) {
            expect(verdict.got).toBe(sequence);
            expect(accepted.has(verdict.expected)).toBe(false);
            continue;
          }
          sequencer.accept(sequence, nowMs);
          accepted.add(sequence);
          if (answerNow) sequencer.settle(sequence, { sequence });
          else unanswered.push(sequence);
        }
        for (const sequence of unanswered) sequencer.settle(sequence, { sequence });
        drain(nowMs + timeoutMs);
        expect(out).toEqual([...accepted].toSorted((a, b) => a - b));
        expect(new Set(passedOver).size).toBe(passedOver.length);
        expect(passedOver.some((n) => accepted.has(n))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test("a hole is given up when the first fragment beyond it is as old as the timeout, not before", () => {
    const sequencer = new Sequencer<Answer>(timeoutMs);
    sequencer.accept(2, 100);
    sequencer.accept(1, 900);
    sequencer.settle(1, { sequence: 1 });
    sequencer.settle(2, { sequence: 2 });
    expect(sequencer.holeExpiresAtMs()).toBe(1100);
    expect(sequencer.drain(1099)).toEqual({ answers: [], holes: [] });
    const { answers, holes } = sequencer.drain(1100);
    expect(answers.map((answer) => answer.sequence)).toEqual([1, 2]);
    expect(holes).toEqual([{ expected: 0, got: 1 }]);
  });

  test("a number that came but has no answer yet is no hole", () => {
    const sequencer = new Sequencer<Answer>(timeoutMs);
    sequencer.accept(0, 0);
    sequencer.accept(1, 0);
    sequencer.settle(1, { sequence: 1 });
    expect(sequencer.holeExpiresAtMs()).toBeUndefined();
    expect(sequencer.drain(Number.POSITIVE_INFINITY)).toEqual({ answers: [], holes: [] });
  });

  test("an answer is taken once, and only for a number that waits", () => {
    const sequencer = new Sequencer<Answer>(timeoutMs);
    sequencer.accept(0, 0);
    expect(sequencer.settle(0, { sequence: 0 })).toBe(true);
    expect(sequencer.settle(0, { sequence: 99 })).toBe(false);
    expect(sequencer.settle(1, { sequence: 1 })).toBe(false);
    expect(sequencer.drain(0).answers).toEqual([{ sequence: 0 }]);
  });

  test("after its first number a session may jump any distance", () => {
    const sequencer = new Sequencer<Answer>(timeoutMs);
    expect(sequencer.check(33)).toEqual({ ok: false, expected: 0, got: 33 });
    sequencer.accept(0, 0);
    expect(sequencer.check(5000)).toEqual({ ok: true });
  });
});
