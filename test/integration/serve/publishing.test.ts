import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFlashBeepClip } from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { runFfmpeg } from "../../media/tools.ts";
import { ServeProcess } from "./serve-process.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

let folder: string;
let clip: string;
let serve: ServeProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "publishing-"));
  clip = await makeFlashBeepClip({ path: join(folder, "clip.flv"), seconds: 30 });
  serve = await ServeProcess.start({
    LIVEDUB_PUBLISH_KEYS: JSON.stringify({ match: sha256("right"), "*": sha256("common") }),
    ORCH_MAX_WORKERS: "2",
    ORCH_GRACE_PERIOD: "0s",
  });
}, 60_000);
afterAll(async () => {
  await serve[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Publishes and expects to be turned away. @returns what FFmpeg said */
async function refused(url: string): Promise<void> {
  const publisher = await publishClip(clip, url);
  const exit = await publisher.exited;
  expect(exit.code).not.toBe(0);
}

test("MediaMTX's control API is closed to other programs and to web pages", async () => {
  const text = readFileSync(join(serve.stateDir, "mediamtx.json"), "utf8");
  const { apiAddress } = JSON.parse(text) as { apiAddress: string };
  const paths = `http://${apiAddress}/v3/config/paths`;
  const headers = { "Content-Type": "application/json", Origin: "http://page.example" };
  const body = JSON.stringify({ runOnInit: "false" });
  const added = await fetch(`${paths}/add/x`, { method: "POST", headers, body });
  expect(added.status).toBe(401);
  expect(added.headers.get("access-control-allow-origin")).toBeNull();
  expect((await fetch(`${paths}/list`)).status).toBe(401);
}, 30_000);

describe("who may publish", () => {
  test("a wrong key is refused, and the API says why", async () => {
    await refused(serve.publishUrl("match", "?key=wrong"));
    await refused(serve.publishUrl("match"));
    const { refusals, streams } = await serve.view();
    expect(refusals.map(({ streamId, code }) => [streamId, code])).toEqual([
      ["match", "WRONG_KEY"],
      ["match", "NO_KEY"],
    ]);
    expect(streams).toEqual([]);
  }, 30_000);

  test("out, and paths that are no streams, are closed even to who has a key", async () => {
    await refused(`${serve.watchUrl("match")}?key=right`);
    await refused(`${serve.addresses.rtmp}/other/match/in?key=common`);
    expect((await serve.view()).refusals.map(({ code }) => code)).toContain("OUT_IS_OURS");
  }, 30_000);

  test("the right key starts the stream, whose input nobody else reads", async () => {
    const starting = serve.nextEvent("state");
    const publisher = await publishClip(clip, serve.publishUrl("match", "?lang=pt-BR&key=right"));
    await starting;
    await serve.nextEvent("worker-ready");
    const stream = await serve.stream("match");
    expect(stream.targetLanguage).toBe("pt-BR");
    expect(stream.relay.pid).not.toBeNull();
    expect(stream.worker.pid).not.toBeNull();
    await serve.nextLogged((line) => line.message.includes("stream is available"));

    const read = runFfmpeg(["-i", serve.publishUrl("match", "?key=right"), "-f", "null", "-"]);
    await expect(read).rejects.toThrow();

    const second = await publishClip(clip, serve.publishUrl("match", "?lang=fr&key=right"));
    expect((await second.exited).code).not.toBe(0);
    await serve.logged((line) => line.event === "second-publisher");
    expect((await serve.stream("match")).targetLanguage).toBe("pt-BR");

    const ended = serve.nextLogged((line) => line.message === "stopping → idle");
    await publisher.stop();
    await ended;
    expect((await serve.view()).streams).toEqual([]);
  }, 60_000);

  test("beyond the limit a stream is refused, by its publish and by its hook", async () => {
    const first = await publishClip(clip, serve.publishUrl("one", "?key=common"));
    const second = await publishClip(clip, serve.publishUrl("two", "?key=common"));
    await serve.logged((line) => line["streamId"] === "two" && line.event === "worker-ready");
    await refused(serve.publishUrl("three", "?key=common"));
    expect((await serve.view()).refusals.at(-1)).toMatchObject({
      streamId: "three",
      code: "MAX_WORKERS",
    });
    const hook = await fetch(`${serve.addresses.http}/v1/mediamtx/events/ready`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ path: "live/three/in", sourceType: "rtmpConn", sourceId: "x" }),
    });
    expect(hook.status).toBe(429);
    await Promise.all([first.stop(), second.stop()]);
  }, 60_000);

  test("keys and nonces stand neither in the log nor in the metrics", async () => {
    const metrics = await (await fetch(`${serve.addresses.http}/metrics`)).text();
    const everything = JSON.stringify([serve.log, await serve.view(), metrics]);
    expect(everything).not.toMatch(/key=(right|wrong|common)/);
    expect(everything).not.toMatch(/nonce=[A-Za-z0-9_-]{8}/);
    expect(everything).not.toMatch(/reader=[A-Za-z0-9_-]{8}/);
  });
});
