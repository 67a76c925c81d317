import { expect, test } from "bun:test";
import { SequenceNumbers } from "../../../src/sts/sequence-numbers.ts";

test("numbers start at 0 and a refused fragment's number goes to the next one", () => {
  const numbers = new SequenceNumbers();
  expect(["a", "b", "c"].map((id) => numbers.take(id))).toEqual([0, 1, 2]);
  numbers.answered("a");
  numbers.refused("c");
  numbers.refused("b");
  numbers.refused("a"); // answered: its number is used up
  expect(["d", "e", "f"].map((id) => numbers.take(id))).toEqual([1, 2, 3]);
  expect(numbers.holds("b")).toBe(false);
  expect(numbers.holds("d")).toBe(true);
});
