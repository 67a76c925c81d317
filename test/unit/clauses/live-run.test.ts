import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { DroppedSlot, PlacedSlot } from "../../../gpu/session/clauses/isochrony.ts";
import { textOf } from "../../../gpu/session/clauses/words.ts";
import { type Circumstances, type Outcome, SimulatedSession } from "./simulated-session.ts";
import { type Speech, endOf, say, speech } from "./speech.arbitrary.ts";

const twoCores: Omit<Circumstances, "untilMs"> = {
  playoutDelayMs: 6000,
  presetMs: 4000,
  synthesisRtf: 0.4,
  passMs: 350,
  expansion: 1.05,
};

const newsText = `Printing, in the only sense with which we are at present concerned, differs from most if not from
  all the arts and crafts represented in the Exhibition | 0.5 | in being comparatively modern. | 3 | And so, my fellow
  Americans, | 0.6 | ask not | 0.8 | what your country can do for you, | 0.9 | ask what you can do for your country.
  | 1.5 | It grew by 3.5 percent in the U.S. economy, said Mr. Smith, who did not expect it. | 2`;

function live(said: Speech, over: Partial<Circumstances> = {}): Outcome {
  const untilMs = Math.ceil((endOf(said) + 1500) / 320) * 320;
  return new SimulatedSession(said, { ...twoCores, untilMs, ...over }).run();
}

/** Words that are long enough to be told from the end of the one before. */
const clearSpeech = speech.map((said) => {
  const first = said.words.slice(0, 30);
  return { ...said, words: first.filter((one) => one.endMs - one.startMs >= 160) };
});

const share = (of: readonly unknown[], all: readonly unknown[]): number =>
  all.length === 0 ? 1 : of.length / all.length;

const lates = (outcome: Outcome): number[] => outcome.clauses.map(({ slot }) => slot.lateMs);

function expectWholeAndInOrder(said: Speech, outcome: Outcome): void {
  const dubbed = outcome.clauses.map(({ clause }) => clause.text).join(" ");
  if (outcome.shed === 0) expect(dubbed).toBe(textOf(said.words));
  const numbers = outcome.answers.map(({ answer: { verdict } }) =>
    verdict.kind === "hole" ? -1 : verdict.fragment.sequence,
  );
  expect(numbers).toEqual(numbers.map((_, i) => i));
  const sounding = outcome.answered.filter((sample) => sample !== 0).length;
  expect(sounding).toBe(outcome.placedSamples);
  const begun = outcome.notices.filter(({ status }) => status === "dubbed");
  const placed = outcome.clauses.filter(({ slot }) => slot.outcome === "placed");
  expect(begun.map(({ slot }) => slot?.startMs)).toEqual(placed.map(({ slot }) => startOf(slot)));
}

/** No answer leaves late, no dub starts later than the policy allows or at a tempo that is not speech. */
function expectPunctual(outcome: Outcome): void {
  for (const { answer, atMs } of outcome.answers)
    if (answer.verdict.kind !== "hole")
      expect(atMs).toBeLessThanOrEqual(answer.verdict.fragment.answerByMs + 50);
  for (const { slot } of outcome.clauses) {
    if (slot.outcome === "dropped") continue;
    expect(slot.lateMs).toBeLessThanOrEqual(1500);
    expect(slot.tempo).toBeGreaterThanOrEqual(0.85);
    expect(slot.tempo).toBeLessThanOrEqual(1.3);
  }
}

const startOf = (slot: PlacedSlot | DroppedSlot): number | undefined =>
  slot.outcome === "placed" ? slot.startMs : undefined;

describe("a live session on a simulated clock", () => {
  test("dubs every word once, whole, in order, and on time", () => {
    const said = say(newsText, 1000, 330);
    const outcome = live(said);
    expectWholeAndInOrder(said, outcome);
    expect(
      share(
        lates(outcome).filter((ms) => ms <= 300),
        outcome.clauses,
      ),
    ).toBeGreaterThan(0.9);
    const ready = outcome.answers.filter(({ answer: { verdict } }) => verdict.kind === "ready");
    expect(share(ready, outcome.answers)).toBeGreaterThan(0.97);
    expect(outcome.answers.some(({ answer: { verdict } }) => verdict.kind === "missed")).toBe(
      false,
    );
    expect(outcome.clauses.filter(({ clause }) => clause.poorEnd && !clause.forced)).toEqual([]);
  });

  test("decodes less than four times what was heard, and nothing in silence", () => {
    const said = say(newsText, 1000, 330);
    expect(live(said).decodedMs / endOf(said)).toBeLessThan(4);
    const quiet: Speech = { words: [], silences: [{ startMs: 0, endMs: 60_000 }] };
    expect(live(quiet)).toMatchObject({ decodedMs: 0, passes: 0, clauses: [] });
  });

  test("answers silence at once, long before it airs", () => {
    const quiet: Speech = { words: [], silences: [{ startMs: 0, endMs: 20_000 }] };
    const waits = live(quiet).answers.map(({ answer: { verdict } }) =>
      verdict.kind === "ready" ? verdict.heldMs : 9999,
    );
    expect(Math.max(...waits.slice(0, -1))).toBeLessThan(1000);
  });

  test("under three times its load gives up whole clauses, and never answers late or out of order", () => {
    const said = say(newsText, 1000, 330);
    const outcome = live(said, { synthesisRtf: 1.6 });
    expectWholeAndInOrder(said, outcome);
    expectPunctual(outcome);
    expect(outcome.shed).toBeGreaterThan(0);
  });

  test("keeps its promises whatever is said", () => {
    fc.assert(
      fc.property(clearSpeech, fc.constantFrom(4000, 6000, 7500), (said, playoutDelayMs) => {
        const outcome = live(said, { playoutDelayMs });
        expectWholeAndInOrder(said, outcome);
        expectPunctual(outcome);
      }),
      { numRuns: 30 },
    );
  });
});
