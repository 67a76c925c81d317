import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFlashBeepClip } from "../../media/flash-beep.ts";
import { TestMediaMtx } from "../../media/mediamtx.ts";
import { publishClip } from "../../media/publish.ts";
import { eventually, isRunning, ServeProcess } from "./serve-process.ts";

test("out is forwarded to the stream's destinations, one of which failing touches nothing else", async () => {
  const folder = mkdtempSync(join(tmpdir(), "destinations-"));
  const clip = await makeFlashBeepClip({ path: join(folder, "clip.flv"), seconds: 40 });
  await using destination = await TestMediaMtx.start();
  const streamKey = "live_1234_secret";
  const destinations = [
    { name: "main", url: destination.url(`app/${streamKey}`) },
    { name: "dead", url: "rtmp://127.0.0.1:1/app/key" },
  ];
  await using serve = await ServeProcess.start({
    EGRESS_RULES_JSON: JSON.stringify({ version: 1, rules: [{ streamId: "match", destinations }] }),
    ORCH_GRACE_PERIOD: "1s",
  });
  const publisher = await publishClip(clip, serve.publishUrl("match"));
  await destination.sourceId(`app/${streamKey}`, 40_000);
  const states = async () => (await serve.stream("match")).egress.map(({ state }) => state);
  await eventually(async () => (await states())[0] === "forwarding", 10_000, "main is forwarded");
  const stream = await serve.stream("match");
  expect(stream.state).toBe("running");
  expect(stream.egress[0]).toMatchObject({ destination: "main", destApp: "app", restarts: 0 });
  expect(stream.egress[1]?.state).not.toBe("forwarding");
  const metrics = await (await fetch(`${serve.addresses.http}/metrics`)).text();
  expect(metrics).toMatch(/egress_forwarder_forwarding\{.*destination="main".*\} 1/);
  expect(JSON.stringify([serve.log, await serve.view(), metrics])).not.toContain(streamKey);

  const pids = stream.egress.flatMap(({ pid }) => pid ?? []);
  const ended = serve.nextLogged((line) => line.message === "stopping → idle", 20_000);
  await publisher.stop();
  await ended;
  expect(pids.filter(isRunning)).toEqual([]);
  rmSync(folder, { recursive: true });
}, 120_000);

test("egress=0 in the publish URL keeps a stream to ourselves", async () => {
  const folder = mkdtempSync(join(tmpdir(), "destinations-"));
  const clip = await makeFlashBeepClip({ path: join(folder, "clip.flv"), seconds: 20 });
  const destinations = [{ name: "main", url: "rtmp://127.0.0.1:1/app/key" }];
  await using serve = await ServeProcess.start({
    EGRESS_RULES_JSON: JSON.stringify({ version: 1, rules: [{ streamId: "match", destinations }] }),
  });
  const publisher = await publishClip(clip, serve.publishUrl("match", "?egress=0"));
  const standing = () => serve.view().then((view) => view.streams[0]?.outAvailable === true);
  await eventually(standing, 20_000, "out stands");
  expect((await serve.stream("match")).egress).toEqual([]);
  await publisher.stop();
  rmSync(folder, { recursive: true });
}, 60_000);
