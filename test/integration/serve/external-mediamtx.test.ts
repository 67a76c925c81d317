import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFlashBeepClip } from "../../media/flash-beep.ts";
import { TestMediaMtx } from "../../media/mediamtx.ts";
import { publishClip } from "../../media/publish.ts";
import { eventually, ServeProcess } from "./serve-process.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "external-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a MediaMTX of somebody else is observed: its streams are dubbed, it is neither started nor stopped", async () => {
  const clip = await makeFlashBeepClip({ path: join(folder, "clip.flv"), seconds: 40 });
  await using mediaMtx = await TestMediaMtx.start();
  const publisher = await publishClip(clip, mediaMtx.url("live/match/in"));
  await mediaMtx.sourceId("live/match/in");
  await using serve = await ServeProcess.start({
    // 127.0.0.1 in its short form, which no setting takes for our own machine.
    ORCH_MEDIAMTX_HOST: "127.1",
    MEDIAMTX_RTMP_ADDRESS: `127.0.0.1:${mediaMtx.rtmpPort}`,
    MEDIAMTX_API_ADDRESS: `127.0.0.1:${mediaMtx.apiPort}`,
  });
  // Found without any hook, within five seconds of the start.
  await serve.logged((line) => line.event === "worker-ready", 5000);
  const hook = await fetch(`${serve.addresses.http}/v1/mediamtx/events/ready`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ path: "live/match/in", sourceType: "rtmpConn", sourceId: "x" }),
  });
  expect(((await hook.json()) as { status: string }).status).toBe("worker_started");
  const standing = () => serve.view().then((view) => view.streams[0]?.outAvailable === true);
  await eventually(standing, 20_000, "out stands on the external server");
  expect((await serve.view()).streams).toHaveLength(1);
  expect((await serve.stop()).code).toBe(0);
  expect(await mediaMtx.sourceId("live/match/in")).not.toBe("");
  await publisher.stop();
}, 90_000);
