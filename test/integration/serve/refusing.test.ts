import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFlashBeepClip } from "../../media/flash-beep.ts";
import { publishClip } from "../../media/publish.ts";
import { isRunning, ServeProcess } from "./serve-process.ts";

/** Starts serve with settings that it must refuse. @returns its exit code and what it said */
async function refusalOf(
  settings: Record<string, string>,
): Promise<{ code: number; said: string }> {
  await using serve = await ServeProcess.spawn(settings);
  const exit = await serve.child.exited;
  return { code: exit.code ?? -1, said: serve.child.lastStderr };
}

describe("serve refuses to start, naming the setting", () => {
  test("when a port is taken", async () => {
    using holder = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const taken = `127.0.0.1:${holder.port}`;
    const settings = [
      "ORCH_HTTP_ADDR",
      "MEDIAMTX_RTMP_ADDRESS",
      "MEDIAMTX_HLS_ADDRESS",
      "MEDIAMTX_API_ADDRESS",
      "MEDIAMTX_METRICS_ADDRESS",
    ];
    for (const setting of settings) {
      const { code, said } = await refusalOf({ [setting]: taken });
      expect(code).toBe(1);
      expect(said).toContain(`${setting}: ${taken}`);
      expect(said).toContain("in use");
    }
  }, 60_000);

  test("when a listener is open to others without its secret", async () => {
    const rtmp = await refusalOf({ MEDIAMTX_RTMP_ADDRESS: ":0" });
    expect(rtmp.code).toBe(1);
    expect(rtmp.said).toContain("LIVEDUB_PUBLISH_KEYS");
    const http = await refusalOf({ ORCH_HTTP_ADDR: "0.0.0.0:0" });
    expect(http.said).toContain("LIVEDUB_HOOK_SECRET");
    expect(http.said).toContain("LIVEDUB_API_TOKEN");
  }, 30_000);

  test("when a program is not what it must be", async () => {
    const { code, said } = await refusalOf({ MEDIAMTX_BIN: "/bin/true" });
    expect(code).toBe(1);
    expect(said).toContain("MEDIAMTX_BIN=/bin/true");
  }, 30_000);

  test("when another serve works in its state directory", async () => {
    await using first = await ServeProcess.start();
    const { code, said } = await refusalOf({ ORCH_STATE_DIR: first.stateDir });
    expect(code).toBe(1);
    expect(said).toContain("ORCH_STATE_DIR");
    expect((await first.view()).mediaServer.reachable).toBe(true);
    expect(existsSync(join(first.stateDir, "sockets"))).toBe(true);
    expect(first.descendants().every(isRunning)).toBe(true);
  }, 30_000);

  test("when it cannot write where it is told to", async () => {
    const folder = mkdtempSync(join(tmpdir(), "refusing-"));
    writeFileSync(join(folder, "children"), "a file where a folder must be");
    const state = await refusalOf({ ORCH_STATE_DIR: folder });
    expect(state.code).toBe(1);
    expect(state.said).toStartWith(`livedub serve: ORCH_STATE_DIR ${folder}: cannot be written`);
    const under = await refusalOf({ ORCH_STATE_DIR: join(folder, "children", "below") });
    expect(under.said).toStartWith("livedub serve: ORCH_STATE_DIR ");
    const config = join(folder, "nosuch", "mediamtx.json");
    const media = await refusalOf({ MEDIAMTX_CONFIG_PATH: config });
    expect(media.code).toBe(1);
    expect(media.said).toStartWith(`livedub serve: MEDIAMTX_CONFIG_PATH ${config}: cannot be`);
    for (const { said } of [state, under, media]) expect(said.split("\n")).toHaveLength(1);
    rmSync(folder, { recursive: true });
  }, 30_000);

  test("when a value is wrong", async () => {
    const { code, said } = await refusalOf({ ORCH_GRACE_PERIOD: "soon" });
    expect(code).toBe(1);
    expect(said).toContain("ORCH_GRACE_PERIOD=soon");
  }, 30_000);
});

describe("a language that no sidecar serves", () => {
  let folder: string;
  let clip: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "refusing-"));
    clip = await makeFlashBeepClip({ path: join(folder, "clip.flv"), seconds: 20 });
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  test("is refused with the remedy; a sidecar out of reach is no reason to refuse", async () => {
    // What a real sidecar's /health says, by contract section 3; nothing else of it is asked here.
    const health = {
      status: "healthy",
      service: "livedub-sts",
      mode: "real",
      pairs: [["en", "pt"]],
    };
    const sidecar = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) =>
        new URL(request.url).pathname === "/health"
          ? Response.json(health)
          : new Response("no", { status: 404 }),
    });
    await using serve = await ServeProcess.start({
      WORKER_STS_MODE: "enabled",
      WORKER_STS_SERVICE_URL: `http://127.0.0.1:${sidecar.port}`,
    });
    await serve.logged((line) => line.event === "sidecar.state");

    const refused = await publishClip(clip, serve.publishUrl("match", "?lang=ja"));
    expect((await refused.exited).code).not.toBe(0);
    const { refusals, streams } = await serve.view();
    expect(refusals[0]).toMatchObject({ streamId: "match", code: "UNSUPPORTED_LANGUAGE" });
    expect(refusals[0]?.message).toContain("en→ja");
    expect(refusals[0]?.message).toContain("DEEPL_API_KEY");
    expect(streams).toEqual([]);

    const gone = serve.nextLogged((line) => line.message === "sidecar: unreachable");
    await sidecar.stop(true);
    await gone;
    const accepted = serve.nextEvent("worker-ready");
    const publisher = await publishClip(clip, serve.publishUrl("match", "?lang=ja"));
    await accepted;
    expect((await serve.stream("match")).targetLanguage).toBe("ja");
    expect((await serve.view()).refusals).toEqual([]);
    await publisher.stop();
  }, 60_000);
});
