import { afterEach, beforeEach, expect, test } from "bun:test";
import { HandClock, settle } from "./hand-clock.ts";
import { fragmentAiring, PuppetTransport, success } from "./puppet-transport.ts";
import { far, outcomeOf, startClient as start } from "./started-client.ts";

let clock: HandClock;
let transport: PuppetTransport;

beforeEach(() => {
  clock = new HandClock();
  transport = new PuppetTransport();
});
afterEach(() => clock[Symbol.dispose]());

const startClient = (changes: Parameters<typeof start>[2] = {}) => start(clock, transport, changes);

test("no more fragments are in flight than the server granted", async () => {
  const client = startClient();
  transport.open(2);
  const all = [1, 2, 3, 4].map(() => client.submit(fragmentAiring(far)));
  expect(transport.sent).toHaveLength(2);
  expect(client.inflight).toBe(2);
  transport.answer(0);
  expect(transport.sent).toHaveLength(3);
  expect(client.inflight).toBe(2);
  transport.answer(1);
  transport.answer(2);
  transport.answer(3);
  expect(await Promise.all(all.map(outcomeOf))).toEqual(all.map(() => "answered"));
});

test("two fragments may wait for a credit; a third makes the oldest fall back", async () => {
  const client = startClient();
  transport.open(1);
  const [first, second, third, fourth] = [1, 2, 3, 4].map(() => client.submit(fragmentAiring(far)));
  expect(await outcomeOf(second!)).toBe("overload");
  expect(await outcomeOf(first!)).toBeUndefined();
  expect(client.counters.get("queue_dropped")).toBe(1);
  transport.answer(0);
  transport.answer(1);
  transport.answer(2);
  expect(await outcomeOf(third!)).toBe("answered");
  expect(await outcomeOf(fourth!)).toBe("answered");
});

test("a fragment without an answer falls back after its timeout, counted from sending", async () => {
  const client = startClient({ maxRetries: 0 });
  transport.open(1);
  const first = client.submit(fragmentAiring(far));
  await clock.advance(3000);
  const second = client.submit(fragmentAiring(far));
  await clock.advance(4999);
  expect(await outcomeOf(first)).toBeUndefined();
  await clock.advance(1);
  expect(await outcomeOf(first)).toBe("timeout");
  expect(transport.sent).toHaveLength(2); // its credit went to the one that waited
  await clock.advance(7999);
  expect(await outcomeOf(second)).toBeUndefined();
  await clock.advance(1);
  expect(await outcomeOf(second)).toBe("timeout");
  expect(client.counters.get("timeouts")).toBe(2);
});

test("an answer after the timeout is dropped and counted", async () => {
  const client = startClient({ maxRetries: 0 });
  transport.open(1);
  const pending = client.submit(fragmentAiring(far));
  await clock.advance(8000);
  transport.answer(0);
  expect(await outcomeOf(pending)).toBe("timeout");
  expect(client.counters.get("late_answers")).toBe(1);
});

test("a second answer to the same fragment is dropped and counted", async () => {
  const client = startClient();
  transport.open(1);
  const pending = client.submit(fragmentAiring(far));
  transport.answer(0);
  transport.answer(0);
  transport.events.onAnswer("never-sent", success);
  expect(await outcomeOf(pending)).toBe("answered");
  expect(client.counters.get("duplicate_answers")).toBe(1);
  expect(client.counters.get("unknown_answers")).toBe(1);
});

test("what cannot be answered before its air time falls back then, and keeps its credit", async () => {
  const client = startClient();
  transport.open(1);
  const pending = client.submit(fragmentAiring(2000));
  await clock.advance(1849);
  expect(await outcomeOf(pending)).toBeUndefined();
  await clock.advance(1);
  expect(await outcomeOf(pending)).toBe("deadline");
  expect(client.inflight).toBe(1); // the sidecar is still at work on it
  transport.answer(0);
  expect(client.inflight).toBe(0);
  expect(client.counters.get("late_answers")).toBe(1);
});

test("TIMEOUT and MODEL_ERROR are tried once more under a new id, where time allows", async () => {
  const client = startClient();
  transport.open(1);
  const retried = client.submit(fragmentAiring(clock.now() + 9000));
  await clock.advance(2000);
  transport.failWith(0, "MODEL_ERROR");
  await settle();
  expect(transport.sent).toHaveLength(2);
  expect(transport.wireId(1)).not.toBe(transport.wireId(0));
  transport.failWith(1, "MODEL_ERROR");
  expect(await outcomeOf(retried)).toBe("model_error");
  expect(transport.sent).toHaveLength(2);

  const tooLate = client.submit(fragmentAiring(clock.now() + 1300));
  await clock.advance(600);
  transport.failWith(2, "TIMEOUT");
  expect(await outcomeOf(tooLate)).toBe("timeout");
  expect(transport.sent).toHaveLength(3);
});

test.each([
  ["TTS_SYNTHESIS_FAILED", true],
  ["MODEL_ERROR", false],
] as const)("%s, retryable %p, is not tried again", async (code, retryable) => {
  const client = startClient();
  transport.open(1);
  const pending = client.submit(fragmentAiring(far));
  transport.failWith(0, code, retryable);
  expect(await outcomeOf(pending)).toBe(code.toLowerCase());
  expect(transport.sent).toHaveLength(1);
});

test("losing the session makes everything in flight fall back at once", async () => {
  const client = startClient();
  transport.open(2);
  const inFlight = [1, 2].map(() => client.submit(fragmentAiring(far)));
  const waiting = client.submit(fragmentAiring(far));
  transport.go("disconnected", "gone");
  expect(await Promise.all(inFlight.map(outcomeOf))).toEqual(["disconnected", "disconnected"]);
  expect(await outcomeOf(waiting)).toBeUndefined();
  expect(client.lastError).toBe("gone");
  transport.open(2);
  transport.answer(2);
  expect(await outcomeOf(waiting)).toBe("answered");
});

test("without a session a fragment waits until its air time, then falls back as unavailable", async () => {
  const client = startClient();
  const pending = client.submit(fragmentAiring(3000));
  await clock.advance(2849);
  expect(await outcomeOf(pending)).toBeUndefined();
  await clock.advance(1);
  expect(await outcomeOf(pending)).toBe("unavailable");
  expect(transport.sent).toHaveLength(0);
});

test("a refusing sidecar makes fragments fall back at once, with its reason to be shown", async () => {
  const client = startClient();
  const waiting = client.submit(fragmentAiring(far));
  transport.go("refused", "AUTH_FAILED: set the key");
  expect(await outcomeOf(waiting)).toBe("refused");
  expect(await outcomeOf(client.submit(fragmentAiring(far)))).toBe("refused");
  expect(client.state).toBe("refused");
  expect(client.lastError).toContain("set the key");
});
