import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BunChild } from "../../../src/process/bun-child.ts";
import { selfCommand } from "../../../src/process/self.ts";
import {
  relayWorkerProtocolVersion,
  type RegionMessage,
  type WorkerToRelay,
} from "../../../src/protocol/relay-worker.ts";
import {
  workerToSupervisor,
  type SupervisorToWorker,
  type WorkerSpec,
  type WorkerToSupervisor,
} from "../../../src/protocol/supervisor.ts";
import { WorkerServer } from "../../../src/relay/worker-server.ts";
import { ScriptedSidecar, type SidecarScript } from "../sts-client/scripted-sidecar.ts";
import { asPcmMessages, buzz } from "./sound-of-speech.ts";

/** The worker as a process, between a relay's real socket, a supervisor's channel and a sidecar. */
const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function startProcess(script: SidecarScript = {}, changes: Partial<WorkerSpec> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "livedub-worker-"));
  open.push(() => Promise.resolve(rmSync(folder, { recursive: true })));
  const sidecar = new ScriptedSidecar(script);
  open.push(() => sidecar[Symbol.asyncDispose]());
  const said: (WorkerToRelay | WorkerToSupervisor | { type: "connected" } | { type: "gone" })[] =
    [];
  let waiting: { done: () => boolean; resolve: () => void }[] = [];
  const hear = (message: (typeof said)[number]) => {
    said.push(message);
    const met = waiting.filter(({ done }) => done());
    waiting = waiting.filter((one) => !met.includes(one));
    for (const { resolve } of met) resolve();
  };
  const until = (done: () => boolean) =>
    done() ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ done, resolve }));
  const relay = new WorkerServer(
    join(folder, "relay.sock"),
    {
      type: "hello",
      version: relayWorkerProtocolVersion,
      streamId: "match",
      runId: "run",
      pacing: "live",
      playoutDelayMs: 4000,
    },
    {
      onConnected: () => hear({ type: "connected" }),
      onMessage: hear,
      onGone: () => hear({ type: "gone" }),
    },
  );
  await relay.listen();
  open.push(() => relay.close());
  const child = new BunChild<WorkerToSupervisor, SupervisorToWorker>({
    name: "worker",
    command: selfCommand("livedub", "worker", "match"),
    incoming: workerToSupervisor,
    onMessage: hear,
  });
  open.push(() => child.stop());
  const spec: WorkerSpec = {
    streamId: "match",
    runId: "run",
    instanceId: "instance",
    workerId: "worker-match",
    socketPath: join(folder, "relay.sock"),
    mode: "enabled",
    sourceLanguage: "en",
    targetLanguages: ["pt"],
    voice: "default",
    playoutDelayMs: 4000,
    sts: {
      endpoints: [{ url: sidecar.url }],
      protocol: "ws",
      timeoutMs: 8000,
      maxRetries: 1,
      maxInflight: 3,
      breakerThreshold: 5,
      breakerOpenMs: 30_000,
    },
    ...changes,
  };
  child.send({ type: "configure", spec });
  const isReady = () =>
    said.some((message) => message.type === "status" && message.sts.state === "ready");
  const regions = () =>
    said.filter((message): message is RegionMessage => message.type === "region");
  return { sidecar, relay, child, said, until, isReady, regions };
}

test("configured, it opens its session, dubs what its relay sends, reports, and stops in order", async () => {
  const { sidecar, relay, child, said, until, isReady, regions } = await startProcess();
  await until(isReady);
  await until(() => said.some(({ type }) => type === "connected"));
  expect(sidecar.inits[0]!.init).toMatchObject({ stream_id: "match", worker_id: "worker-match" });
  const sound = buzz([{ seconds: 2, speaks: true }]); // no detector is configured: all is sent
  for (const message of asPcmMessages(sound, 4000)) relay.send(message);
  await until(() => regions().length > 0);
  expect(regions()[0]).toMatchObject({ startSample: 0, kind: "replace", language: "pt" });
  await until(() => said.some(({ type }) => type === "fragment"));
  expect(said.find(({ type }) => type === "fragment")).toMatchObject({
    outcome: "dubbed",
    sequenceNumber: 0,
    startSample: 0,
  });
  const exit = await child.stop({ message: { type: "stop" }, withinMs: 5000 });
  expect(exit).toEqual({ code: 0, signal: null, byUs: true });
  await until(() => said.some(({ type }) => type === "gone"));
  await sidecar.until(() => sidecar.sockets.size === 0);
}, 20_000);

test("its relay's end is its own", async () => {
  const { relay, child, until, said } = await startProcess();
  await until(() => said.some(({ type }) => type === "connected"));
  await relay.close();
  const exit = await child.exited;
  expect(exit).toMatchObject({ code: 3, byUs: false });
}, 20_000);

test("without a relay it says so and fails", async () => {
  const { child, said } = await startProcess({}, { socketPath: "/nonexistent/relay.sock" });
  expect(await child.exited).toMatchObject({ code: 1 });
  const failure = said.find((message) => message.type === "event" && message.level === "error");
  expect(failure).toMatchObject({ code: "worker-failed" });
}, 20_000);

test("passthrough needs no sidecar and settles everything as original", async () => {
  const { sidecar, relay, said, until, regions } = await startProcess({}, { mode: "passthrough" });
  await until(() => said.some(({ type }) => type === "connected"));
  for (const message of asPcmMessages(buzz([{ seconds: 2, speaks: true }]), 4000))
    relay.send(message);
  await until(() => regions().length > 0);
  expect(regions().every(({ kind }) => kind === "original")).toBe(true);
  expect(sidecar.inits).toHaveLength(0);
}, 20_000);

test("a sidecar that refuses is told to the supervisor, and the worker stays", async () => {
  const { child, said, until } = await startProcess({ token: "another" });
  await until(() =>
    said.some((message) => message.type === "status" && message.sts.state === "refused"),
  );
  const told = said.findLast((message) => message.type === "status");
  expect(told).toMatchObject({ sts: { lastError: expect.stringContaining("WORKER_STS_API_KEY") } });
  expect(child.exit).toBeUndefined();
}, 20_000);

test("weights of the gate that are damaged are named, and everything is sent", async () => {
  const { relay, said, until, regions } = await startProcess(
    {},
    { vadModelPath: import.meta.path }, // a file, but no model
  );
  await until(() => said.some(({ type }) => type === "connected"));
  const told = said.find((message) => message.type === "event" && message.code === "vad-unusable");
  expect(told).toMatchObject({ message: expect.stringContaining(import.meta.path) });
  for (const message of asPcmMessages(buzz([{ seconds: 2, speaks: true }]), 4000))
    relay.send(message);
  await until(() => regions().some(({ kind }) => kind === "replace"));
}, 20_000);

test("its parent's end is its own", async () => {
  const parent = Bun.spawn({
    cmd: [process.execPath, join(import.meta.dir, "short-lived-parent.ts")],
    stdio: ["ignore", "pipe", "inherit"],
    env: process.env,
  });
  const pid = Number(await parent.stdout.text());
  await parent.exited;
  expect(pid).toBeGreaterThan(0);
  const gone = async () => {
    for (;;) {
      try {
        process.kill(pid, 0);
      } catch {
        return;
      }
      await Bun.sleep(20);
    }
  };
  await gone();
}, 10_000);
