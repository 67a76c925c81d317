import { expect, test } from "bun:test";
import { PartialText } from "../../../src/worker/partial-text.ts";

function heard(text: string, stable = 0, atMs = 0): PartialText {
  const partial = new PartialText();
  partial.hear({ stream_id: undefined, start_ms: 0, text, stable_chars: stable }, atMs);
  return partial;
}

test("the newest text is shown until nobody has told for 3 s", () => {
  const partial = heard("Good", 0, 1000);
  partial.hear({ stream_id: "s", start_ms: 0, text: "Good evening", stable_chars: 4 }, 1500);
  expect(partial.at(4500)).toEqual({ text: "Good evening", stableChars: 4 });
  expect(partial.at(4501)).toBeNull();
});

test("before the first word, and when there is none any more, nothing is shown", () => {
  expect(new PartialText().at(0)).toBeNull();
  expect(heard("").at(0)).toBeNull();
});

test("of a long text the newest 300 characters are kept, and no half of a character", () => {
  const long = `${"a".repeat(500)}${"b".repeat(200)}`;
  expect(heard(long, 600).at(0)).toEqual({
    text: `${"a".repeat(100)}${"b".repeat(200)}`,
    stableChars: 200,
  });
  const shown = heard("\u{1F600}".repeat(200) + "x").at(0)?.text ?? "";
  expect(shown.isWellFormed()).toBe(true);
  expect(shown).toHaveLength(299);
});

test("a count of stable characters that does not fit the text is brought within it", () => {
  expect(heard("Good", 99).at(0)?.stableChars).toBe(4);
  expect(heard("x".repeat(400), 50).at(0)?.stableChars).toBe(0);
});
