import { describe, expect, test } from "bun:test";
import { StageCosts } from "../../../gpu/session/stage-costs.ts";

const figures = { passMs: 900, translateMs: 200, speakRtf: 1.5, msPerCharacter: 80 };

function seeded(): StageCosts {
  const costs = new StageCosts();
  costs.seed(figures);
  return costs;
}

describe("what the stages cost", () => {
  test("begins with what was measured before the first session", () => {
    const costs = seeded();
    expect(costs).toMatchObject({
      passMs: 900,
      usualPassMs: 900,
      translationMs: 200,
      synthesisRtf: 1.5,
      usualSynthesisRtf: 1.5,
    });
    expect(costs.naturalMs("default pt", "x".repeat(50))).toBe(4000);
    expect(costs.charactersWithin("default pt", 4000)).toBe(50);
  });

  test("soon follows the first calls of live sessions where the measurement was off", () => {
    const costs = seeded();
    for (let call = 0; call < 6; call++) {
      costs.passed(300);
      costs.spoke(600, 2000);
    }
    expect(costs.usualPassMs).toBeCloseTo((3 * 900 + 6 * 300) / 9, 6);
    expect(costs.usualSynthesisRtf).toBeCloseTo((3 * 1.5 + 6 * 0.3) / 9, 6);
  });

  test("is little changed by one slow call later on", () => {
    const costs = seeded();
    for (let call = 0; call < 100; call++) costs.passed(300);
    const { usualPassMs } = costs;
    expect(usualPassMs).toBeCloseTo(300, 0);
    costs.passed(3000);
    expect(costs.usualPassMs - usualPassMs).toBeLessThan(300);
  });

  test("is doubted down to what was measured, not to what is assumed of another machine", () => {
    const costs = seeded();
    costs.passed(5000);
    for (let i = 0; i < 100; i++) costs.gaveUp();
    expect(costs.passMs).toBeCloseTo(900, 0);
    expect(costs.synthesisRtf).toBeCloseTo(1.5, 3);
  });

  test("ignores speech of no length", () => {
    const costs = seeded();
    costs.spoke(700, 0);
    expect(costs).toMatchObject({ synthesisRtf: 1.5, usualSynthesisRtf: 1.5 });
  });
});
