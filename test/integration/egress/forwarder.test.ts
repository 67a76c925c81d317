import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  EgressForwarder,
  type EgressPolicySettings,
  type EgressSnapshot,
} from "../../../src/egress/forwarder.ts";
import type { NativeChild } from "../../../src/process/native-child.ts";
import { createLogger } from "../../../src/telemetry/log.ts";
import { makeFlashBeepClip } from "../../media/flash-beep.ts";
import { TestMediaMtx } from "../../media/mediamtx.ts";
import { ffmpegPath } from "../../media/tools.ts";
import { DestinationServer, goodKey } from "./destination-server.ts";
import { publishForever } from "./endless-publisher.ts";

const folder = mkdtempSync(join(tmpdir(), "livedub-forwarder-"));
const clip = join(folder, "clip.flv");
let source: TestMediaMtx;
let destination: DestinationServer;
let publisher: NativeChild;

beforeAll(async () => {
  await makeFlashBeepClip({ path: clip, seconds: 10, gopFrames: 25 });
  [source, destination] = await Promise.all([TestMediaMtx.start(), DestinationServer.start()]);
  publisher = await publishForever(clip, source.url("live/match/out"));
  await source.sourceId("live/match/out");
}, 60_000);

afterAll(async () => {
  await publisher.stop();
  await Promise.all([source[Symbol.asyncDispose](), destination[Symbol.asyncDispose]()]);
  rmSync(folder, { recursive: true });
});

const settings: EgressPolicySettings = {
  egressMaxDestinationFailures: 2,
  egressRetryBackoffMs: 100,
  egressInputGraceSeconds: 2,
  retryBaseDelayMs: 50,
  retryMaxDelayMs: 300,
  retryJitterMs: 10,
  retryMaxAttempts: 0,
  restartMaxPer10Min: 3,
  restartCooldownSeconds: 1,
};

/** A forwarder whose states are kept, with a way to wait for one. */
async function forwarder(options: { key?: string; path?: string } = {}) {
  const seen: EgressSnapshot[] = [];
  const waiting: { fits: (snapshot: EgressSnapshot) => boolean; resolve: () => void }[] = [];
  const { PATH = "", HOME = "" } = process.env;
  const made = new EgressForwarder({
    streamId: "match",
    runId: "run1",
    instanceId: "instance1",
    destination: {
      name: "platform",
      url: destination.publishUrl(options.key ?? goodKey, options.path),
    },
    inputUrl: source.url("live/match/out"),
    ffmpegPath: await ffmpegPath(),
    settings,
    environment: { PATH, HOME, LOG_LEVEL: "silent" },
    logger: createLogger({ level: "silent", format: "json" }),
    onState: (snapshot) => {
      seen.push(snapshot);
      for (const { fits, resolve } of waiting) if (fits(snapshot)) resolve();
    },
  });
  const until = (fits: (snapshot: EgressSnapshot) => boolean): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push({ fits, resolve });
    return promise;
  };
  /** The states in the order in which they were entered. */
  const states = () =>
    seen.map(({ state }) => state).filter((state, index, all) => state !== all[index - 1]);
  return { forwarder: made, seen, until, states };
}

test("a forwarder goes from idle to forwarding, counts bytes, and is gone soon after close", async () => {
  const { forwarder: made, until, states, seen } = await forwarder({ path: "app/first" });
  expect(made.state).toBe("idle");
  made.start();
  made.start();
  await until(({ bytesOut }) => bytesOut > 20_000);
  const { pid, connectLatencyMs, destHost, destApp } = made.snapshot;
  expect(connectLatencyMs.input).toBeGreaterThan(0);
  expect(connectLatencyMs.output).toBeGreaterThan(0);
  expect([destHost, destApp]).toEqual([`127.0.0.1:${destination.rtmpPort}`, "app"]);
  const closingAt = performance.now();
  await made.close("test");
  await made.close("test again");
  expect(performance.now() - closingAt).toBeLessThan(5000);
  expect(() => process.kill(pid ?? -1, 0)).toThrow();
  expect(states()).toEqual(["starting", "waiting-input", "connecting", "forwarding", "stopped"]);
  expect(JSON.stringify(seen)).not.toContain(goodKey);
}, 60_000);

test("a process that is killed is replaced, and bytes go on counting", async () => {
  const { forwarder: made, until } = await forwarder({ path: "app/killed" });
  made.start();
  await until(({ bytesOut }) => bytesOut > 10_000);
  const before = made.snapshot;
  process.kill(before.pid ?? -1, "SIGKILL");
  await until(({ state, restarts }) => state === "forwarding" && restarts === 1);
  await until(({ bytesOut }) => bytesOut > before.bytesOut + 10_000);
  expect(made.snapshot.pid).not.toBe(before.pid);
  await made.close("test");
}, 60_000);

test("an outage of the destination is sat out", async () => {
  const { forwarder: made, until, states } = await forwarder({ path: "app/outage" });
  made.start();
  await until(({ state }) => state === "forwarding");
  const down = until(({ state }) => state === "retrying" || state === "cooldown");
  await destination.goDown();
  await down;
  expect(made.snapshot.lastError?.code).toBe(40);
  const back = until(({ state }) => state === "forwarding");
  await destination.comeBack();
  await back;
  expect(states().filter((state) => state === "forwarding").length).toBe(2);
  await made.close("test");
}, 60_000);

test("a destination that refuses us is left alone for a long while", async () => {
  const { forwarder: made, until } = await forwarder({ key: "wrong-stream-key" });
  made.start();
  await until(({ state }) => state === "cooldown");
  expect(made.snapshot).toMatchObject({ lastExitCode: 30, pid: null, lastError: { code: 30 } });
  expect(JSON.stringify(made.snapshot)).not.toContain("wrong-stream-key");
  await made.close("test");
  expect(made.state).toBe("stopped");
}, 60_000);
