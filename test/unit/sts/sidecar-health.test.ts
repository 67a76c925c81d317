import { afterEach, beforeEach, expect, test } from "bun:test";
import { HandClock } from "./hand-clock.ts";
import { fragmentAiring, PuppetTransport } from "./puppet-transport.ts";
import { far, outcomeOf, startClient as start } from "./started-client.ts";

let clock: HandClock;
let transport: PuppetTransport;

beforeEach(() => {
  clock = new HandClock();
  transport = new PuppetTransport();
});
afterEach(() => clock[Symbol.dispose]());

const startClient = (changes: Parameters<typeof start>[2] = {}) => start(clock, transport, changes);

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
