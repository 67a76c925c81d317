import { expect, test } from "bun:test";
import { RestartPolicy } from "../../../src/egress/restart-policy.ts";

const limits = { maxPer10Min: 6, cooldownMs: 60_000, backoffMs: 5000 };

test("what was asked to stop is left, what is configured wrongly is given up", () => {
  const policy = new RestartPolicy(limits);
  expect(policy.decide(0)).toEqual({ action: "leave" });
  expect(policy.decide(10)).toEqual({ action: "give-up" });
});

test("a refusal is tried again only after a long pause, however often", () => {
  const policy = new RestartPolicy(limits);
  for (let i = 0; i < 20; i += 1)
    expect(policy.decide(30)).toEqual({ action: "restart", afterMs: 300_000, cooldown: true });
});

test("network and internal errors restart soon, six times in ten minutes, then once a minute", () => {
  let nowMs = 0;
  const policy = new RestartPolicy(limits, () => nowMs);
  const soon = { action: "restart", afterMs: 5000, cooldown: false } as const;
  const later = { action: "restart", afterMs: 60_000, cooldown: true } as const;
  for (const code of [40, 50, null, 40, 139, 40]) {
    expect(policy.decide(code)).toEqual(soon);
    nowMs += 6000;
  }
  expect(policy.decide(40)).toEqual(later);
  nowMs += 60_000;
  expect(policy.decide(50)).toEqual(later);
  nowMs = 600_001; // the first restart is older than ten minutes now
  expect(policy.decide(40)).toEqual(soon);
  expect(policy.decide(40)).toEqual(later);
});

test("an input that is not there does not use up the restarts", () => {
  const policy = new RestartPolicy(limits);
  for (let i = 0; i < 20; i += 1)
    expect(policy.decide(20)).toEqual({ action: "restart", afterMs: 5000, cooldown: false });
  expect(policy.decide(40)).toEqual({ action: "restart", afterMs: 5000, cooldown: false });
});
