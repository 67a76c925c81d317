import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  relayWorkerProtocolVersion,
  type RelayToWorker,
  type WorkerToRelay,
} from "../../../src/protocol/relay-worker.ts";
import { encodeFrame, relayToWorkerDecoder } from "../../../src/protocol/relay-worker-codec.ts";
import { WorkerServer } from "../../../src/relay/worker-server.ts";

let folder: string;
let server: WorkerServer;
let told: string[];
let heard: WorkerToRelay[];
let changed: PromiseWithResolvers<void>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "worker-server-"));
  told = [];
  heard = [];
  changed = Promise.withResolvers();
  const note = (what: string) => {
    told.push(what);
    changed.resolve();
    changed = Promise.withResolvers();
  };
  writeFileSync(join(folder, "r.sock"), "left over from another run");
  server = new WorkerServer(
    join(folder, "r.sock"),
    {
      type: "hello",
      version: relayWorkerProtocolVersion,
      streamId: "s",
      runId: "r",
      pacing: "live",
      playoutDelayMs: 6000,
    },
    {
      onConnected: (workerId) => note(`connected ${workerId}`),
      onMessage: (message) => {
        heard.push(message);
        note(message.type);
      },
      onGone: (reason) => note(`gone: ${reason}`),
    },
  );
  await server.listen();
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

async function worker(name: string, greets = true) {
  const socket: Socket = connect(join(folder, "r.sock"));
  const received: RelayToWorker[] = [];
  const decoder = relayToWorkerDecoder();
  socket.on("error", () => {});
  socket.on("data", (chunk: Uint8Array) => received.push(...decoder.push(chunk)));
  await once(socket, "connect");
  const say = (message: WorkerToRelay) => void socket.write(encodeFrame(message));
  if (greets) say({ type: "hello", version: relayWorkerProtocolVersion, workerId: name });
  return { socket, received, say };
}

const until = async (condition: () => boolean) => {
  while (!condition()) await changed.promise;
};

describe("the relay's socket", () => {
  test("is private, greets its worker, and talks both ways", async () => {
    expect(statSync(join(folder, "r.sock")).mode & 0o777).toBe(0o600);
    expect(server.send({ type: "heartbeat" })).toBe(false);
    const one = await worker("w1");
    await until(() => server.isConnected);
    one.say({ type: "region", language: "pt", startSample: 0, endSample: 960, kind: "original" });
    await until(() => heard.length === 1);
    expect(server.send({ type: "end", atSample: 7 })).toBe(true);
    while (one.received.length < 2) await once(one.socket, "data");
    expect(one.received[0]).toMatchObject({ type: "hello", playoutDelayMs: 6000 });
    expect(one.received.find(({ type }) => type === "end")).toEqual({ type: "end", atSample: 7 });
  });

  test("a new worker takes the old one's place, once it has said hello", async () => {
    const one = await worker("w1");
    await until(() => server.isConnected);
    const closed = once(one.socket, "close");
    await worker("silent", false);
    expect(server.isConnected).toBe(true);
    await worker("w2");
    await closed;
    await until(() => told.includes("connected w2"));
    expect(told).toEqual(["connected w1", "gone: was replaced by another", "connected w2"]);
  });

  test("a worker that breaks the protocol is dropped, with what it did", async () => {
    const one = await worker("w1");
    await until(() => server.isConnected);
    one.socket.write(new Uint8Array([255, 255, 255, 255, 0]));
    await until(() => told.some((what) => what.startsWith("gone: broke the protocol")));
    expect(server.counters.badMessages).toBe(1);
    const two = await worker("rude", false);
    two.say({ type: "done" });
    await once(two.socket, "close");
    expect(server.isConnected).toBe(false);
  });

  test("a worker that hangs is found out, and what it does not take is dropped, not waited for", async () => {
    const one = await worker("w1");
    await until(() => server.isConnected);
    one.socket.pause();
    const pcm = new Uint8Array(192_000);
    let accepted = 0;
    while (server.send({ type: "pcm", startSample: accepted, airsInMs: 0, pcm })) accepted += 1;
    expect(accepted).toBeLessThan(100);
    expect(server.counters.droppedPcmSamples).toBe(48_000);
    await until(() => told.some((what) => what.startsWith("gone: hangs")));
    expect(server.isConnected).toBe(false);
  });
});
