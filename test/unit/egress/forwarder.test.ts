import { expect, test } from "bun:test";
import { EgressForwarder, type EgressSnapshot } from "../../../src/egress/forwarder.ts";
import { createLogger } from "../../../src/telemetry/log.ts";

test("a process that cannot be spawned counts as one that died, and is tried again", async () => {
  const seen: EgressSnapshot[] = [];
  const again = Promise.withResolvers<void>();
  const forwarder = new EgressForwarder({
    streamId: "match",
    runId: "run1",
    instanceId: "instance1",
    destination: { name: "platform", url: "rtmp://127.0.0.1:1/live/key" },
    inputUrl: "rtmp://127.0.0.1:1/live/match/out",
    ffmpegPath: "/nowhere/ffmpeg",
    settings: {
      egressMaxDestinationFailures: 2,
      egressRetryBackoffMs: 20,
      egressInputGraceSeconds: 2,
      retryBaseDelayMs: 50,
      retryMaxDelayMs: 300,
      retryJitterMs: 10,
      retryMaxAttempts: 0,
      restartMaxPer10Min: 3,
      restartCooldownSeconds: 60,
    },
    environment: {},
    logger: createLogger({ level: "silent", format: "json" }),
    onState: (snapshot) => {
      seen.push(snapshot);
      if (snapshot.restarts === 2) again.resolve();
    },
    command: ["/nowhere/livedub"],
  });
  forwarder.start();
  await again.promise;
  expect(seen.slice(0, 3).map(({ state, pid }) => [state, pid])).toEqual([
    ["starting", null],
    ["cooldown", null],
    ["starting", null],
  ]);
  expect(forwarder.snapshot.lastExitCode).toBe(50);
  await forwarder.close("test");
  expect(forwarder.state).toBe("stopped");
}, 10_000);
