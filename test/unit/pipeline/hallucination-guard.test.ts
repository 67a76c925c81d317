import { expect, test } from "bun:test";
import { reasonToReject } from "../../../gpu/pipeline/hallucination-guard.ts";

const honest = {
  text: "Ask what you can do for your country.",
  meanLogProbability: -0.15,
  noSpeechProbability: 0.05,
  compressionRatio: 0.9,
  capped: false,
};

test("what was really said is believed", () => {
  expect(reasonToReject(honest, 2500)).toBeUndefined();
  expect(reasonToReject({ ...honest, text: "No." }, 160)).toBeUndefined();
});

test.each([
  ["no speech", { noSpeechProbability: 0.9 }, 2500],
  ["unsure", { meanLogProbability: -1.4 }, 2500],
  ["repeats itself", { compressionRatio: 3.1 }, 2500],
  ["does not end", { capped: true }, 2500],
  ["too fast to be said", {}, 300],
] as const)("refused: %s", (reason, change, speechMs) => {
  expect(reasonToReject({ ...honest, ...change }, speechMs)).toBe(reason);
});
