import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  afterRejection,
  longestPromptTokens,
  noPrompt,
  promptLifeMs,
  promptTokens,
  withAccepted,
} from "../../../gpu/session/clauses/prompt-policy.ts";

const first = withAccepted(noPrompt, { tokens: [[1, 2], [3]], startMs: 0, endMs: 1000 });

test("what was committed is the prompt of what follows", () => {
  const second = withAccepted(first, { tokens: [[4]], startMs: 1200, endMs: 1500 });
  expect(promptTokens(second, 1600)).toEqual([1, 2, 3, 4]);
});

test("nothing is prompted at the beginning, nor after a rejection", () => {
  expect(promptTokens(noPrompt, 0)).toEqual([]);
  expect(promptTokens(afterRejection(), 1100)).toEqual([]);
});

test("five seconds of silence end the prompt", () => {
  expect(promptTokens(first, 1000 + promptLifeMs - 1)).toEqual([1, 2, 3]);
  expect(promptTokens(first, 1000 + promptLifeMs)).toEqual([]);
  const later = withAccepted(first, { tokens: [[9]], startMs: 7000, endMs: 7400 });
  expect(promptTokens(later, 7500)).toEqual([9]);
});

test("the oldest words give way, whole words at a time, and 64 tokens are never passed", () => {
  const word = fc.array(fc.nat(50_000), { minLength: 1, maxLength: 80 });
  fc.assert(
    fc.property(fc.array(fc.array(word, { maxLength: 20 }), { maxLength: 6 }), (portions) => {
      let prompt = noPrompt;
      for (const tokens of portions)
        prompt = withAccepted(prompt, { tokens, startMs: 0, endMs: 1000 });
      const given = promptTokens(prompt, 1000);
      expect(given.length).toBeLessThanOrEqual(longestPromptTokens);
      const all = portions.flat();
      const kept = all.slice(all.length - prompt.words.length);
      expect(given).toEqual(kept.flat());
    }),
  );
});
