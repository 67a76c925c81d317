import { afterEach, beforeEach, expect, test } from "bun:test";
import { StsClient } from "../../../src/sts/sts-client.ts";
import { HandClock, settle } from "./hand-clock.ts";
import { fragmentAiring, PuppetTransport } from "./puppet-transport.ts";

let clock: HandClock;
let transport: PuppetTransport;
let client: StsClient;

beforeEach(() => {
  clock = new HandClock();
  transport = new PuppetTransport();
  client = new StsClient({
    transport,
    pacing: "file",
    timeoutMs: 8000,
    maxRetries: 1,
    breakerThreshold: 5,
    breakerOpenMs: 30_000,
    clock,
    onEvent: () => {},
  });
  client.start();
});
afterEach(() => clock[Symbol.dispose]());

test("a fragment may take as long as it needs, and any number may wait", async () => {
  transport.open(2);
  const all = Array.from({ length: 10 }, () => client.submit(fragmentAiring(undefined)));
  await clock.advance(600_000);
  expect(transport.sent).toHaveLength(2);
  for (let index = 0; index < 10; index++) transport.answer(index);
  const outcomes = await Promise.all(all);
  expect(outcomes.filter(({ kind }) => kind === "answered")).toHaveLength(10);
});

test("what a lost session took along is sent again, in order, four times at most", async () => {
  transport.open(2);
  const [first, second] = [1, 2].map(() => client.submit(fragmentAiring(undefined)));
  for (let loss = 1; loss <= 4; loss++) {
    expect(transport.sent).toHaveLength(2 * loss);
    const [a, b] = transport.sent.slice(-2).map(({ fragment }) => fragment.startSample);
    expect(a!).toBeLessThan(b!);
    transport.go("disconnected", "gone");
    await settle();
    transport.open(2);
  }
  expect(await first).toMatchObject({ kind: "failed", reason: "disconnected" });
  expect(await second).toMatchObject({ kind: "failed", reason: "disconnected" });
});

test("a retryable failure is tried again after a growing delay; a final one falls back", async () => {
  transport.open(1);
  const healed = client.submit(fragmentAiring(undefined));
  transport.failWith(-1, "QUEUE_FULL");
  await clock.advance(999);
  expect(transport.sent).toHaveLength(1);
  await clock.advance(1);
  expect(transport.sent).toHaveLength(2);
  transport.failWith(-1, "QUEUE_FULL");
  await clock.advance(2000);
  transport.answer(-1);
  expect(await healed).toMatchObject({ kind: "answered" });

  const final = client.submit(fragmentAiring(undefined));
  transport.failWith(-1, "TTS_SYNTHESIS_FAILED", false);
  expect(await final).toMatchObject({ kind: "failed", reason: "tts_synthesis_failed" });
});

test("a sidecar that stays away for a minute ends the waiting", async () => {
  const pending = client.submit(fragmentAiring(undefined));
  await clock.advance(59_999);
  transport.go("disconnected", "no answer");
  await clock.advance(1);
  expect(await pending).toMatchObject({ kind: "failed", reason: "unavailable" });
  expect(await client.submit(fragmentAiring(undefined))).toMatchObject({ reason: "unavailable" });
  transport.open(1);
  const later = client.submit(fragmentAiring(undefined));
  transport.answer(-1);
  expect(await later).toMatchObject({ kind: "answered" });
});
