import { afterEach, beforeEach, expect, test } from "bun:test";
import { StsClient, type StsClientOptions } from "../../../src/sts/sts-client.ts";
import { HandClock, settle } from "./hand-clock.ts";
import { fragmentAiring, PuppetTransport, success } from "./puppet-transport.ts";

let clock: HandClock;
let transport: PuppetTransport;

beforeEach(() => {
  clock = new HandClock();
  transport = new PuppetTransport();
});
afterEach(() => clock[Symbol.dispose]());

function startClient(changes: Partial<StsClientOptions> = {}) {
  const client = new StsClient({
    transport,
    pacing: "live",
    timeoutMs: 8000,
    maxRetries: 1,
    breakerThreshold: 5,
    breakerOpenMs: 30_000,
    clock,
    onEvent: () => {},
    ...changes,
  });
  client.start();
  return client;
}

/** What a submitted fragment has come to by now; undefined while it is open. */
async function outcomeOf(pending: Promise<{ kind: string; reason?: string }>) {
  await settle();
  return Promise.race([
    pending.then((outcome) => outcome.reason ?? outcome.kind),
    settle().then(() => undefined),
  ]);
}

const far = 60_000;

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

test("answers that come late but come do not open the breaker; none at all does", async () => {
  const client = startClient({ maxRetries: 0, breakerThreshold: 2 });
  transport.open(3);
  for (let late = 0; late < 4; late++) {
    const pending = client.submit(fragmentAiring(clock.now() + 6900));
    await clock.advance(7000);
    expect(await outcomeOf(pending)).toBe("deadline");
    transport.answer(-1);
  }
  expect(client.breaker).toBe("closed");
  for (let silent = 0; silent < 2; silent++) {
    void client.submit(fragmentAiring(clock.now() + far));
    await clock.advance(8000);
  }
  expect(client.breaker).toBe("open");
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

test("five counted failures in a row open the breaker; after 30 s one probe decides", async () => {
  const client = startClient({ maxRetries: 0 });
  transport.open(3);
  for (let failures = 0; failures < 5; failures++) {
    expect(client.breaker).toBe("closed");
    const pending = client.submit(fragmentAiring(clock.now() + far));
    transport.failWith(-1, "GPU_OOM");
    expect(await outcomeOf(pending)).toBe("gpu_oom");
  }
  expect(client.breaker).toBe("open");
  expect(await outcomeOf(client.submit(fragmentAiring(clock.now() + far)))).toBe("breaker_open");
  expect(transport.sent).toHaveLength(5);

  await clock.advance(29_999);
  expect(await outcomeOf(client.submit(fragmentAiring(clock.now() + far)))).toBe("breaker_open");
  await clock.advance(1);
  const probe = client.submit(fragmentAiring(clock.now() + far));
  expect(client.breaker).toBe("half-open");
  expect(await outcomeOf(client.submit(fragmentAiring(clock.now() + far)))).toBe("breaker_open");
  transport.failWith(-1, "GPU_OOM");
  expect(await outcomeOf(probe)).toBe("gpu_oom");
  expect(client.breaker).toBe("open");

  await clock.advance(30_000);
  const second = client.submit(fragmentAiring(clock.now() + far));
  transport.answer(-1);
  expect(await outcomeOf(second)).toBe("answered");
  expect(client.breaker).toBe("closed");
});

test("failures that blame the caller do not open the breaker; a success resets the count", async () => {
  const client = startClient({ maxRetries: 0 });
  transport.open(1);
  const fail = async (code: string, retryable: boolean) => {
    const pending = client.submit(fragmentAiring(far));
    transport.failWith(-1, code, retryable);
    await pending;
  };
  for (let i = 0; i < 10; i++) await fail("STREAM_NOT_FOUND", true);
  for (let i = 0; i < 10; i++) await fail("TTS_SYNTHESIS_FAILED", false);
  expect(client.breaker).toBe("closed");
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 4; i++) await fail("A_CODE_OF_TOMORROW", true);
    const good = client.submit(fragmentAiring(far));
    transport.answer(-1);
    await good;
  }
  expect(client.breaker).toBe("closed");
});

test("slow_down spaces the fragments, pause holds them, none lifts both", async () => {
  const client = startClient({ timeoutMs: 120_000 });
  transport.open(5);
  transport.events.onBackpressure("slow_down", 700, "medium");
  void client.submit(fragmentAiring(far));
  void client.submit(fragmentAiring(far));
  expect(transport.sent).toHaveLength(0);
  await clock.advance(700);
  expect(transport.sent).toHaveLength(1);
  await clock.advance(699);
  expect(transport.sent).toHaveLength(1);
  await clock.advance(1);
  expect(transport.sent).toHaveLength(2);

  transport.events.onBackpressure("pause", undefined, "high");
  expect(client.state).toBe("paused");
  void client.submit(fragmentAiring(far));
  await clock.advance(20_000);
  expect(transport.sent).toHaveLength(2);
  transport.events.onBackpressure("none", undefined, "low");
  expect(transport.sent).toHaveLength(3);
  expect(client.state).toBe("ready");
});

test("a pause that is never lifted ends after 30 s; unknown actions are ignored", async () => {
  const client = startClient({ timeoutMs: 120_000 });
  transport.open(5);
  transport.events.onBackpressure("hurry", 1, "medium");
  void client.submit(fragmentAiring(far));
  expect(transport.sent).toHaveLength(1);
  transport.events.onBackpressure("pause", undefined, "high");
  void client.submit(fragmentAiring(far));
  await clock.advance(29_999);
  expect(transport.sent).toHaveLength(1);
  await clock.advance(1);
  expect(transport.sent).toHaveLength(2);
});

test("a sidecar too slow for the deadline is spared what it cannot do in time, and tried again later", async () => {
  const client = startClient();
  transport.open(3);
  void client.submit(fragmentAiring(clock.now() + far));
  await clock.advance(6000);
  transport.answer(0); // a round trip of 6 s
  const shed = client.submit(fragmentAiring(clock.now() + 2000));
  expect(await outcomeOf(shed)).toBe("overload");
  expect(client.counters.get("shed")).toBe(1);
  let tries = 0;
  while (transport.sent.length === 1 && tries++ < 10)
    void client.submit(fragmentAiring(clock.now() + 2000));
  expect(transport.sent).toHaveLength(2);
});

test("received is acknowledged at once, applied when the dub is in the output", async () => {
  const client = startClient();
  transport.open(1);
  const fragment = fragmentAiring(far);
  const pending = client.submit(fragment);
  transport.answer(0);
  expect(transport.acks).toEqual([{ wireId: transport.wireId(0), status: "received" }]);
  await pending;
  client.applied(fragment.fragmentId);
  client.applied(fragment.fragmentId);
  expect(transport.acks.slice(1)).toEqual([{ wireId: transport.wireId(0), status: "applied" }]);
});

test("success without audio is no answer; an empty transcript needs none", async () => {
  const client = startClient();
  transport.open(2);
  const silent = client.submit(fragmentAiring(far));
  const broken = client.submit(fragmentAiring(far));
  transport.answer(0, { audio: undefined, transcript: "", translatedText: "" });
  transport.answer(1, { audio: undefined });
  expect(await outcomeOf(silent)).toBe("answered");
  expect(await outcomeOf(broken)).toBe("invalid_output");
});

test("closing settles everything that is pending", async () => {
  const client = startClient();
  transport.open(1);
  const all = [1, 2, 3].map(() => client.submit(fragmentAiring(far)));
  client.close();
  expect(await Promise.all(all.map(outcomeOf))).toEqual(["closed", "closed", "closed"]);
  expect(await outcomeOf(client.submit(fragmentAiring(far)))).toBe("closed");
});
