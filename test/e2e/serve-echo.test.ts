import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFlashesAndBeeps, makeFlashBeepClip, median, offsetsMs } from "../media/flash-beep.ts";
import { publishClip } from "../media/publish.ts";
import { Recording } from "../media/recording.ts";
import { eventually, ServeProcess } from "../integration/serve/serve-process.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "serve-echo-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("serve with its own sidecar: what is published comes out at out, picture and sound together", async () => {
  const clip = await makeFlashBeepClip({ path: join(folder, "clip.flv"), seconds: 40 });
  await using serve = await ServeProcess.start({
    WORKER_STS_MODE: "enabled",
    STS_MODE: "echo",
    WORKER_PLAYOUT_DELAY_MS: "4000",
    ORCH_GRACE_PERIOD: "2s",
  });
  await serve.logged((line) => line.message === "sidecar: ready", 20_000);

  const publishedAt = performance.now();
  const publisher = await publishClip(clip, serve.publishUrl("match"));
  const standing = () => serve.view().then((view) => view.streams[0]?.outAvailable === true);
  await eventually(standing, 20_000, "out stands");
  const tookMs = performance.now() - publishedAt;
  process.stderr.write(`publish to out: ${tookMs.toFixed(0)} ms at a delay of 4000 ms\n`);
  expect(tookMs).toBeLessThan(4000 + 8000);

  const path = join(folder, "out.flv");
  const recording = await Recording.start(serve.watchUrl("match"), path);
  await recording.until(() => recording.video.length > 12 * 25, 40_000);
  const hls = await fetch(`${serve.addresses.hls}/live/match/out/index.m3u8`);
  expect(hls.status).toBe(200);
  expect(await hls.text()).toContain("#EXTM3U");
  const stream = await serve.stream("match");
  await recording.stop();

  const times = await findFlashesAndBeeps(path);
  expect(times.flashes.length).toBeGreaterThanOrEqual(9);
  const offsets = offsetsMs(times);
  expect(offsets.length).toBeGreaterThanOrEqual(times.flashes.length - 2);
  expect(Math.abs(median(offsets))).toBeLessThan(40);

  expect(stream.state).toBe("running");
  expect(stream.worker.status?.sts).toMatchObject({ state: "ready", engine: "echo" });
  expect(stream.relay.status?.workerConnected).toBe(true);
  const metrics = await (await fetch(`${serve.addresses.http}/metrics`)).text();
  expect(metrics).toMatch(/media_service_worker_pipeline_state\{.*pipeline="output".*\} 1/);
  const page = await fetch(serve.addresses.http, { headers: { accept: "text/html" } });
  expect(await page.text()).toContain("match");

  const ended = serve.nextLogged((line) => line.message === "stopping → idle");
  await publisher.stop();
  await ended;
  expect((await serve.view()).streams).toEqual([]);
}, 120_000);
