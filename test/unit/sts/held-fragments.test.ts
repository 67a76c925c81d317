import { afterEach, beforeEach, expect, test } from "bun:test";
import type { OutgoingFragment } from "../../../src/sts/fragment.ts";
import { HandClock, settle } from "./hand-clock.ts";
import { fragmentAiring, PuppetTransport } from "./puppet-transport.ts";
import { outcomeOf, startClient } from "./started-client.ts";

let clock: HandClock;
let transport: PuppetTransport;

beforeEach(() => {
  clock = new HandClock();
  transport = new PuppetTransport();
});
afterEach(() => clock[Symbol.dispose]());

/** A piece of 320 ms of a session that works by clauses. */
function held(airsAtMs: number): OutgoingFragment {
  const fragment = fragmentAiring(airsAtMs);
  return {
    ...fragment,
    endSample: fragment.startSample + 320 * 48,
    durationMs: 320,
    held: true,
    speech: true,
  };
}

function openByClauses(maxInflight = 64): void {
  transport.go("ready");
  transport.events.onGrant({ maxInflight, uplinkRateHz: 16_000, clauses: true });
}

test("words that missed their time fall back one by one and do not open the circuit breaker", async () => {
  const client = startClient(clock, transport);
  openByClauses();
  const pending = Array.from({ length: 12 }, () => client.submit(held(6000)));
  await settle();
  for (const index of pending.keys()) transport.failWith(index, "TIMEOUT");
  for (const one of pending) expect(await outcomeOf(one)).toBe("timeout");
  expect(client.breaker).toBe("closed");
  expect(transport.sent).toHaveLength(12);
});

test("a sidecar that answers nothing opens the breaker, after the hold that the playout delay allows", async () => {
  const client = startClient(clock, transport, { timeoutMs: 1000 });
  openByClauses();
  const pending = Array.from({ length: 6 }, () => client.submit(held(6000)));
  await clock.advance(6900);
  expect(client.breaker).toBe("closed");
  await clock.advance(200);
  expect(client.breaker).toBe("open");
  for (const one of pending) expect(await outcomeOf(one)).toBe("deadline");
});

test("short pieces wait for a credit by their time, not by their number", async () => {
  const client = startClient(clock, transport);
  openByClauses(1);
  const pending = Array.from({ length: 6 }, () => client.submit(held(6000)));
  await settle();
  const outcomes = await Promise.all(pending.map(outcomeOf));
  expect(outcomes).toEqual([undefined, "overload", undefined, undefined, undefined, undefined]);
});

test("a fragment cut for another kind of session is never sent to it", async () => {
  const client = startClient(clock, transport);
  const early = client.submit(fragmentAiring(6000));
  await settle();
  openByClauses();
  expect(await outcomeOf(early)).toBe("unavailable");
  expect(await outcomeOf(client.submit(fragmentAiring(6000)))).toBe("unavailable");
  expect(transport.sent).toHaveLength(0);
});
