import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  afterRejection,
  noPrompt,
  promptLifeMs,
  promptText,
  withAccepted,
} from "../../../gpu/session/clauses/prompt-policy.ts";

const first = withAccepted(noPrompt, { words: ["One", "two,"], startMs: 0, endMs: 1000 });

test("what was committed is the prompt of what follows", () => {
  const second = withAccepted(first, { words: ["three."], startMs: 1200, endMs: 1500 });
  expect(promptText(second, 1600)).toBe("One two, three.");
});

test("nothing is prompted at the beginning, nor after a rejection", () => {
  expect(promptText(noPrompt, 0)).toBe("");
  expect(promptText(afterRejection(), 1100)).toBe("");
});

test("five seconds of silence end the prompt", () => {
  expect(promptText(first, 1000 + promptLifeMs - 1)).toBe("One two,");
  expect(promptText(first, 1000 + promptLifeMs)).toBe("");
  const later = withAccepted(first, { words: ["nine"], startMs: 7000, endMs: 7400 });
  expect(promptText(later, 7500)).toBe("nine");
});

test("the oldest words give way, and the newest 64 are kept", () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(words, { maxLength: 6 }), (portions) => {
      let prompt = noPrompt;
      for (const said of portions)
        prompt = withAccepted(prompt, { words: said, startMs: 0, endMs: 1000 });
      const all = portions.flat();
      expect(promptText(prompt, 1000)).toBe(all.slice(-64).join(" "));
    }),
  );
});
