import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type DecodeLimits,
  type Hearing,
  defaultDecodeLimits,
  openSpeechStartMs,
  planDecode,
  settledHorizonMs,
} from "../../../gpu/session/clauses/decode-plan.ts";

const limits: DecodeLimits = { ...defaultDecodeLimits, capMs: 3400, passMs: 350 };

const hearing = (over: Partial<Hearing>): Hearing => ({
  heardUntilMs: 10_000,
  speech: [],
  speaking: false,
  settledUntilMs: 0,
  lastWordEndMs: 0,
  lastPassUntilMs: 0,
  ...over,
});

const going = (startMs: number, heardUntilMs: number, over: Partial<Hearing> = {}): Hearing =>
  hearing({
    heardUntilMs,
    speech: [{ startMs, endMs: heardUntilMs }],
    speaking: true,
    lastPassUntilMs: startMs,
    ...over,
  });

describe("nothing is decoded", () => {
  test("in silence", () => {
    expect(planDecode(hearing({}), limits)).toBeUndefined();
    expect(settledHorizonMs(hearing({}))).toBe(10_000);
    expect(openSpeechStartMs(hearing({}))).toBeUndefined();
  });

  test("of speech that a final pass has heard", () => {
    const heard = { speech: [{ startMs: 2000, endMs: 4000 }], settledUntilMs: 4200 };
    expect(planDecode(hearing(heard), limits)).toBeUndefined();
  });

  test("of the echo after the last word", () => {
    const heard = { speech: [{ startMs: 2000, endMs: 4100 }], settledUntilMs: 4050 };
    expect(planDecode(hearing({ ...heard, lastWordEndMs: 4000 }), limits)).toBeUndefined();
    expect(planDecode(hearing({ ...heard, lastWordEndMs: 3000 }), limits)).toBeDefined();
  });

  test("before enough new speech was heard, or while the final pass is about to be due", () => {
    expect(planDecode(going(2000, 2400), limits)).toBeUndefined();
    expect(planDecode(going(2000, 5300), limits)).toBeUndefined();
  });
});

describe("speech that goes on", () => {
  test("is decoded in steps that grow with its window", () => {
    expect(planDecode(going(2000, 3100), limits)).toMatchObject({
      kind: "partial",
      fromMs: 1800,
      toMs: 3100,
    });
    expect(planDecode(going(2000, 4700, { lastPassUntilMs: 3900 }), limits)).toBeUndefined();
    expect(planDecode(going(2000, 4900, { lastPassUntilMs: 3800 }), limits)?.kind).toBe("partial");
  });

  test("is decoded less often where a pass takes long", () => {
    const slow = { ...limits, passMs: 600 };
    expect(planDecode(going(2000, 3700), slow)).toBeUndefined();
    expect(planDecode(going(2000, 3900), slow)?.kind).toBe("partial");
  });

  test("is decoded for good at its latest safe moment", () => {
    expect(planDecode(going(2000, 5549), limits)).toBeUndefined();
    expect(planDecode(going(2000, 5550), limits)).toEqual({
      kind: "final",
      fromMs: 1800,
      toMs: 5550,
      commitUntilMs: 5400,
    });
  });

  test("has its safe moment from the first word that is in no clause", () => {
    const over = {
      settledUntilMs: 5400,
      lastWordEndMs: 5200,
      uncutFromMs: 4000,
    };
    expect(planDecode(going(2000, 7550, over), limits)).toEqual({
      kind: "final",
      fromMs: 3800,
      toMs: 7550,
      commitUntilMs: 7400,
    });
  });

  test("after a safe moment is heard again from the last word, for the one that was cut in two", () => {
    const over = {
      settledUntilMs: 5400,
      lastWordEndMs: 5100,
      lastPassUntilMs: 5550,
    };
    expect(openSpeechStartMs(going(2000, 6700, over))).toBe(5100);
    const plan = planDecode(going(2000, 6700, over), limits);
    expect(plan).toMatchObject({ kind: "partial", fromMs: 4200, toMs: 6700 });
    expect(settledHorizonMs(going(2000, 6700, over))).toBe(5400);
  });

  test("is heard again from a word that the final pass left out", () => {
    const over = {
      settledUntilMs: 5400,
      lastWordEndMs: 4900,
      leftOutFromMs: 5000,
    };
    expect(openSpeechStartMs(going(2000, 5600, over))).toBe(5000);
    const over2 = { ...over, heardUntilMs: 5800, speech: [{ startMs: 2000, endMs: 5350 }] };
    expect(planDecode(hearing(over2), limits)).toMatchObject({ kind: "final", toMs: 5550 });
  });

  test("is heard again from where a word begins, not from within it", () => {
    const over = {
      settledUntilMs: 5400,
      lastWordEndMs: 5100,
      leftOutFromMs: 5140,
      lastPassUntilMs: 5550,
      committed: [
        { startMs: 3700, endMs: 4350 },
        { startMs: 4400, endMs: 5100 },
      ],
    };
    expect(planDecode(going(2000, 8690, over), limits)).toMatchObject({
      kind: "final",
      fromMs: 4400,
    });
    // a word that began long ago was over long ago
    const long = { ...over, committed: [{ startMs: 3700, endMs: 5100 }] };
    expect(planDecode(going(2000, 8690, long), limits)).toMatchObject({ fromMs: 4940 });
  });

  test("counts from the newest word, also where one that a final pass left out was committed since", () => {
    const over = { settledUntilMs: 5400, lastWordEndMs: 6300, leftOutFromMs: 5000 };
    expect(openSpeechStartMs(going(2000, 7000, over))).toBe(6300);
  });

  test("that was refused is not decoded for ever: its next safe moment is a cap later", () => {
    const over = { settledUntilMs: 5400, lastPassUntilMs: 5550 };
    expect(openSpeechStartMs(going(2000, 5600, over))).toBe(4600);
    expect(planDecode(going(2000, 5600, over), limits)).toBeUndefined();
  });
});

describe("a pause", () => {
  const paused = hearing({
    heardUntilMs: 4400,
    speech: [{ startMs: 2000, endMs: 4000 }],
    lastPassUntilMs: 3500,
  });

  test("makes the stretch before it final, with its margins", () => {
    expect(planDecode(paused, limits)).toEqual({
      kind: "final",
      fromMs: 1800,
      toMs: 4200,
      commitUntilMs: 4200,
    });
    expect(settledHorizonMs(paused)).toBe(2000);
  });

  test("makes it final although speech goes on after it", () => {
    const speech = [...paused.speech, { startMs: 4500, endMs: 5000 }];
    const plan = planDecode({ ...paused, heardUntilMs: 5000, speech, speaking: true }, limits);
    expect(plan).toMatchObject({ kind: "final", toMs: 4200 });
  });

  test("after which all is settled lets the cutter see the silence", () => {
    const settled = { ...paused, settledUntilMs: 4200, lastWordEndMs: 3950 };
    expect(settledHorizonMs(settled)).toBe(4400);
  });
});

test("a window is never empty, never longer than allowed, and never in what was not heard", () => {
  const time = fc.integer({ min: 0, max: 40_000 });
  const any = fc
    .record({
      bounds: fc.uniqueArray(time, { minLength: 1, maxLength: 9 }),
      settledUntilMs: time,
      lastWordEndMs: time,
      lastPassUntilMs: time,
      uncutFromMs: fc.option(time, { nil: undefined }),
      speaking: fc.boolean(),
    })
    .map(({ bounds, speaking, ...rest }) => {
      const edges = bounds.toSorted((a, b) => a - b);
      const heardUntilMs = (edges.at(-1) ?? 0) + (speaking ? 0 : 400);
      const speech = edges
        .slice(0, edges.length - (edges.length % 2))
        .flatMap((startMs, i) =>
          i % 2 === 0 ? [{ startMs, endMs: edges[i + 1] ?? startMs }] : [],
        );
      const open = speaking && speech.at(-1)?.endMs === heardUntilMs;
      return hearing({ ...rest, heardUntilMs, speech, speaking: open });
    });
  fc.assert(
    fc.property(any, (heard) => {
      const plan = planDecode(heard, limits);
      if (!plan) return;
      expect(plan.toMs).toBeGreaterThan(plan.fromMs);
      expect(plan.toMs - plan.fromMs).toBeLessThanOrEqual(limits.longestWindowMs);
      expect(plan.toMs).toBeLessThanOrEqual(heard.heardUntilMs);
    }),
    { numRuns: 1000 },
  );
});
