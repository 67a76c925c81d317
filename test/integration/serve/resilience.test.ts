import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeChild } from "../../../src/process/native-child.ts";
import { makeFlashBeepClip } from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { eventually, isRunning, ServeProcess } from "./serve-process.ts";

let folder: string;
let clip: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "resilience-"));
  clip = await makeFlashBeepClip({ path: join(folder, "clip.flv"), seconds: 60 });
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** A stream whose worker is at work. */
async function publishing(serve: ServeProcess, streamId: string): Promise<NativeChild> {
  const ready = serve.nextLogged(
    (line) => line.event === "worker-ready" && line["streamId"] === streamId,
  );
  const publisher = await publishClip(clip, serve.publishUrl(streamId));
  await ready;
  return publisher;
}

const isState = (message: string) => (line: { event?: string; message: string }) =>
  line.event === "state" && line.message === message;

describe("while a stream runs", () => {
  let serve: ServeProcess;
  let publisher: NativeChild;
  beforeAll(async () => {
    serve = await ServeProcess.start({ ORCH_GRACE_PERIOD: "20s" });
    const live = serve.nextLogged(isState("starting → running"), 30_000);
    publisher = await publishing(serve, "match");
    await live;
  }, 60_000);
  afterAll(async () => {
    await publisher.stop();
    await serve[Symbol.asyncDispose]();
  }, 30_000);

  /**
   * Has the worker replaced by what `harm` does to it, and waits until the new one is at work.
   * @returns milliseconds until the new process was there
   */
  async function replacedAfter(harm: (pid: number) => void): Promise<number> {
    const speaks = async () => (await serve.stream("match")).worker.status !== null;
    await eventually(speaks, 10_000, "the worker has told how it is");
    const before = await serve.stream("match");
    const atWork = serve.nextEvent("worker-connected");
    harm(before.worker.pid ?? 0);
    const isNew = async () => {
      const { pid } = (await serve.stream("match")).worker;
      return pid !== null && pid !== before.worker.pid;
    };
    const tookMs = await eventually(isNew, 10_000, "a new worker");
    await atWork;
    const after = await serve.stream("match");
    expect(after.worker.restarts).toBe(before.worker.restarts + 1);
    expect([after.runId, after.relay.pid]).toEqual([before.runId, before.relay.pid]);
    expect(isRunning(before.worker.pid ?? 0)).toBe(false);
    return tookMs;
  }

  test("a worker that is killed is replaced within 2 s, the relay untouched", async () => {
    const tookMs = await replacedAfter((pid) => process.kill(pid, "SIGKILL"));
    process.stderr.write(`killed worker replaced after ${tookMs.toFixed(0)} ms\n`);
    expect(tookMs).toBeLessThan(2000);
  }, 20_000);

  test("a worker that hangs is found and replaced", async () => {
    const tookMs = await replacedAfter((pid) => process.kill(pid, "SIGSTOP"));
    process.stderr.write(`hung worker replaced after ${tookMs.toFixed(0)} ms\n`);
    expect(tookMs).toBeLessThan(4000); // about 1.6 s on a machine that has time
    expect(serve.log.some((line) => line.event === "worker-hung")).toBe(true);
  }, 20_000);

  test("a publisher that returns within the grace period finds its run", async () => {
    const before = await serve.stream("match");
    const away = serve.nextLogged(isState("running → grace"));
    await publisher.stop();
    await away;
    const back = serve.nextLogged(isState("grace → running"));
    publisher = await publishClip(clip, serve.publishUrl("match"));
    await back;
    const after = await serve.stream("match");
    expect([after.runId, after.relay.pid, after.worker.pid]).toEqual([
      before.runId,
      before.relay.pid,
      before.worker.pid,
    ]);
  }, 30_000);

  test("a relay that dies opens a new run, with a new worker", async () => {
    const before = await serve.stream("match");
    const fed = serve.nextLogged(isState("starting → running"), 30_000);
    process.kill(before.relay.pid ?? 0, "SIGKILL");
    await fed;
    const after = await serve.stream("match");
    expect(after.runId).not.toBe(before.runId);
    expect(after.relay.restarts).toBe(1);
    expect(after.worker.pid).not.toBe(before.worker.pid);
    expect(isRunning(before.worker.pid ?? 0)).toBe(false);
  }, 40_000);

  test("MediaMTX that dies comes back, and so does the stream", async () => {
    const before = await serve.view();
    const mediaMtx = serve.childNamed("mediamtx");
    const died = serve.nextEvent("mediamtx.died");
    const away = serve.nextLogged(isState("running → grace"));
    process.kill(mediaMtx, "SIGKILL");
    await Promise.all([died, away, publisher.exited]);
    const running = serve.nextLogged(isState("grace → running"));
    publisher = await publishClip(clip, serve.publishUrl("match"));
    await running;
    const after = await serve.view();
    expect(after.mediaServer.restarts).toBe(before.mediaServer.restarts + 1);
    expect(after.streams[0]?.runId).toBe(before.streams[0]?.runId ?? "");
    const fed = () => serve.stream("match").then(({ outAvailable }) => outAvailable);
    await eventually(fed, 15_000, "out is fed again");
  }, 60_000);
});

describe("the end of serve", () => {
  test("SIGTERM ends everything in order: exit 0, no process left, nothing noted", async () => {
    await using serve = await ServeProcess.start();
    const publisher = await publishing(serve, "match");
    await serve.nextLogged((line) => line.message.includes("is publishing to path"));
    const children = serve.descendants();
    expect(children.length).toBeGreaterThanOrEqual(3);
    const startedAt = performance.now();
    const exit = await serve.stop();
    process.stderr.write(`stopped in ${(performance.now() - startedAt).toFixed(0)} ms\n`);
    expect(exit.code).toBe(0);
    expect(children.filter(isRunning)).toEqual([]);
    expect(readdirSync(join(serve.stateDir, "children"))).toEqual([]);
    await publisher.exited;
  }, 40_000);

  test("a second signal ends it at once", async () => {
    await using serve = await ServeProcess.start();
    const publisher = await publishing(serve, "match");
    const children = serve.descendants();
    const stopping = serve.nextEvent("serve.stopping");
    serve.child.signal("SIGINT");
    await stopping;
    serve.child.signal("SIGINT");
    const exit = await serve.child.exited;
    expect(exit.code).toBe(130);
    await eventually(() => !children.some(isRunning), 3000, "no child left");
    await publisher.exited;
  }, 40_000);

  test("SIGKILL leaves no orphan within 3 s, and the next serve starts clean", async () => {
    const destinations = [{ name: "dead", url: "rtmp://127.0.0.1:1/app/key" }];
    await using serve = await ServeProcess.start({
      WORKER_STS_MODE: "enabled",
      STS_MODE: "echo",
      EGRESS_RULES_JSON: JSON.stringify({
        version: 1,
        rules: [{ streamId: "match", destinations }],
      }),
    });
    const publisher = await publishing(serve, "match");
    const egress = async () => (await serve.stream("match")).egress.some(({ pid }) => pid !== null);
    await eventually(egress, 20_000, "everything runs, the forwarder too");
    // MediaMTX, sidecar, relay with pull and push, worker, forwarder.
    const children = serve.descendants();
    expect(children.length).toBeGreaterThanOrEqual(7);
    expect(children.every(isRunning)).toBe(true);
    serve.child.signal("SIGKILL");
    await serve.child.exited;
    const tookMs = await eventually(() => !children.some(isRunning), 3000, "no orphan left");
    process.stderr.write(
      `${children.length} children gone ${tookMs.toFixed(0)} ms after SIGKILL\n`,
    );
    await publisher.exited;
    await using next = await ServeProcess.start({ ORCH_STATE_DIR: serve.stateDir });
    expect((await next.view()).streams).toEqual([]);
  }, 60_000);
});
