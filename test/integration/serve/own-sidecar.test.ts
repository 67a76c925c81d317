import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFlashBeepClip } from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { eventually, ServeProcess } from "./serve-process.ts";

test("a sidecar of our own that dies is started again, and the worker finds it; the stream goes on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "own-sidecar-"));
  const clip = await makeFlashBeepClip({ path: join(folder, "clip.flv"), seconds: 60 });
  await using serve = await ServeProcess.start({ WORKER_STS_MODE: "enabled", STS_MODE: "echo" });
  await serve.logged((line) => line.message === "sidecar: ready", 20_000);
  const publisher = await publishClip(clip, serve.publishUrl("match"));
  const sts = () => serve.view().then((view) => view.streams[0]?.worker.status?.sts.state);
  await eventually(async () => (await sts()) === "ready", 20_000, "the worker has its session");
  const before = await serve.stream("match");

  const died = serve.nextEvent("sidecar.died");
  process.kill(serve.childNamed("sidecar"), "SIGKILL");
  await died;
  await eventually(async () => (await sts()) !== "ready", 10_000, "the worker has lost it");
  await eventually(async () => (await sts()) === "ready", 30_000, "the worker has it again");
  const after = await serve.stream("match");
  expect([after.runId, after.relay.pid, after.worker.pid]).toEqual([
    before.runId,
    before.relay.pid,
    before.worker.pid,
  ]);
  expect(after.worker.status?.sts.reconnects).toBeGreaterThan(0);
  await publisher.stop();
  rmSync(folder, { recursive: true });
}, 90_000);
