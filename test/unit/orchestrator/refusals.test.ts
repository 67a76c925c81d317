import { expect, test } from "bun:test";
import { Refusals } from "../../../src/orchestrator/refusals.ts";

test("refusals under ever-new names warn ten times a minute, and then say how many they were", () => {
  let now = 0;
  const refusals = new Refusals(() => now);
  const warned = Array.from({ length: 500 }, (_, n) => refusals.note(`s${n}`, "NO_KEY", "no key"));
  expect(warned.filter(({ warn }) => warn)).toHaveLength(10);
  expect(refusals.list).toHaveLength(20);
  now = 60_001;
  expect(refusals.note("later", "NO_KEY", "no key")).toEqual({ warn: true, unwarned: 490 });
});

test("an encoder that tries again and again is told once", () => {
  const refusals = new Refusals();
  expect(refusals.note("match", "NO_KEY", "no key").warn).toBe(true);
  expect(refusals.note("match", "NO_KEY", "no key").warn).toBe(false);
  expect(refusals.note("match", "WRONG_KEY", "another").warn).toBe(true);
});
