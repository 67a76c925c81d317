import { expect, test } from "bun:test";
import { type DubbedSoFar, ProgressBar } from "../../../src/commands/dub-progress.ts";

function screen(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  let now = 0;
  const bar = new ProgressBar({ isTTY, columns, write: (text) => written.push(text) }, () => now);
  const at = (ms: number, doneMs: number, totalMs: number | "unknown" = 60_000) => {
    now = ms;
    const known = totalMs === "unknown" ? undefined : totalMs;
    bar.update({ doneMs, totalMs: known, unit: "fragments", dubbed: 3, fallback: 1 });
  };
  return { bar, at, written };
}

test("off a terminal: one plain line for each tenth, whatever was jumped over", () => {
  const { at, written } = screen(false);
  at(1000, 3000);
  at(2000, 6000);
  at(2100, 6100);
  at(3000, 31_000);
  at(6000, 60_000);
  expect(written).toEqual([
    "10 %  0:06 / 1:00  dubbed 3  fallback 1  3.0x\n",
    "52 %  0:31 / 1:00  dubbed 3  fallback 1  10.3x\n",
    "100 %  1:00 / 1:00  dubbed 3  fallback 1  10.0x\n",
  ]);
});

test("on a terminal: one line, redrawn at most ten times a second, no wider than the screen", () => {
  const { bar, at, written } = screen(true, 40);
  at(1000, 30_000);
  at(1050, 31_000);
  at(1100, 32_000);
  expect(written).toHaveLength(2);
  expect(written[0]).toStartWith("\r\u001b[K[############------------] 50 %");
  expect(written[0]!.length - "\r\u001b[K".length).toBeLessThan(40);
  bar.say("news");
  expect(written.slice(2)).toEqual(["\r\u001b[K", "news\n"]);
  bar.close();
  expect(written).toHaveLength(4); // nothing left to clear
});

test("speed counts from when the work began", () => {
  const { bar, at, written } = screen(false);
  at(10_000, 0); // ten seconds of loading models
  bar.begin();
  at(12_000, 6000);
  expect(written[0]).toContain("3.0x");
});

test("an input of unknown length shows how far it has come", () => {
  const { at, written } = screen(true);
  at(1000, 3_725_000, "unknown");
  expect(written[0]).toContain("1:02:05  dubbed 3");
});

test("what is dubbed clause by clause is counted in clauses", () => {
  const written: string[] = [];
  const bar = new ProgressBar({ write: (text) => written.push(text) }, () => 0);
  const clauses: DubbedSoFar = { unit: "clauses", dubbed: 9, dropped: 2 };
  bar.update({ doneMs: 30_000, totalMs: 60_000, ...clauses });
  expect(written[0]).toContain("0:30 / 1:00  clauses dubbed 9  dropped 2  ");
});
