import { expect, test } from "bun:test";
import { describeExit, type ExitInfo } from "../../../src/process/exit.ts";
import { climbStopLadder, endWithin } from "../../../src/process/stop-ladder.ts";

const immortal = new Promise<ExitInfo>(() => {});

test("what outlives every step is not waited for, and is told as such", async () => {
  const taken: string[] = [];
  const exit = await endWithin(immortal, [
    { act: () => taken.push("ask"), withinMs: 5 },
    { act: () => taken.push("kill"), withinMs: 5 },
  ]);
  expect(taken).toEqual(["ask", "kill"]);
  expect(describeExit(exit)).toBe("still there after SIGKILL");
});

test("no step is taken after the end, and none when it had ended before", async () => {
  const ended = Promise.withResolvers<ExitInfo>();
  const info: ExitInfo = { code: 0, signal: null, byUs: true };
  const steps = [
    { act: () => ended.resolve(info), withinMs: 1000 },
    { act: () => expect.unreachable(), withinMs: 1000 },
  ];
  expect(await endWithin(ended.promise, steps)).toBe(info);
  expect(await climbStopLadder(ended.promise, steps)).toBe(-1);
});
