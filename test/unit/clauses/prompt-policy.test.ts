import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  afterRejection,
  noPrompt,
  promptLifeMs,
  promptText,
  withAccepted,
} from "../../../gpu/session/clauses/prompt-policy.ts";
import { say } from "./speech.arbitrary.ts";

const first = withAccepted(noPrompt, say("One two,", 0, 500).words);

test("what was committed is the prompt of what follows", () => {
  const second = withAccepted(first, say("three.", 1200).words);
  expect(promptText(second, 1600)).toBe("One two, three.");
});

test("what a window holds is not its prompt: the recogniser would leave it out", () => {
  const said = withAccepted(noPrompt, say("that it should be fine", 0, 400).words);
  expect(promptText(said, 2000)).toBe("that it should be fine");
  expect(promptText(said, 1200)).toBe("that it should");
  expect(promptText(said, 1500)).toBe("that it should be");
  expect(promptText(said, 0)).toBe("");
});

test("nothing is prompted at the beginning, nor after a rejection", () => {
  expect(promptText(noPrompt, 0)).toBe("");
  expect(promptText(afterRejection(), 1100)).toBe("");
});

test("five seconds of silence end the prompt", () => {
  expect(promptText(first, 1000 + promptLifeMs - 1)).toBe("One two,");
  expect(promptText(first, 1000 + promptLifeMs)).toBe("");
  const later = withAccepted(first, say("nine", 7000).words);
  expect(promptText(later, 7500)).toBe("nine");
});

test("the oldest words give way, and the newest 64 are kept", () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(words, { maxLength: 6 }), (portions) => {
      let prompt = noPrompt;
      for (const said of portions)
        prompt = withAccepted(
          prompt,
          said.map((text) => ({ text, startMs: 0, endMs: 1000 })),
        );
      const all = portions.flat();
      expect(promptText(prompt, 1000)).toBe(all.slice(-64).join(" "));
    }),
  );
});
