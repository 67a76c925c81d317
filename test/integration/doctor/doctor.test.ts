import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { selfCommand } from "../../../src/process/self.ts";
import { freePort } from "../../media/mediamtx.ts";
import { ffmpegPath, mediamtxPath } from "../../media/tools.ts";

const reportSchema = z.object({
  ok: z.boolean(),
  findings: z.array(
    z.object({ name: z.string(), ok: z.boolean(), detail: z.string(), fix: z.string().optional() }),
  ),
});

const folder = mkdtempSync(join(tmpdir(), "livedub-doctor-"));
const held: Server[] = [];
/** Answers `/health` as a sidecar would. */
let health: Bun.Server<undefined>;
let answer: { status: number; body: object };
let listeners: Record<string, string>;

beforeAll(async () => {
  health = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => Response.json(answer.body, { status: answer.status }),
  });
  const ports = await Promise.all([1, 2, 3, 4, 5].map(() => freePort()));
  const names = [
    "ORCH_HTTP_ADDR",
    "MEDIAMTX_RTMP_ADDRESS",
    "MEDIAMTX_HLS_ADDRESS",
    "MEDIAMTX_API_ADDRESS",
    "MEDIAMTX_METRICS_ADDRESS",
  ];
  listeners = Object.fromEntries(names.map((name, index) => [name, `127.0.0.1:${ports[index]}`]));
});

afterAll(async () => {
  for (const server of held) server.close();
  await health.stop(true);
  rmSync(folder, { recursive: true });
});

const ready = {
  status: 200,
  body: { status: "healthy", service: "livedub-sts", mode: "real", pairs: [["en", "pt"]] },
};

async function doctor(environment: Record<string, string> = {}, ...args: string[]) {
  const child = Bun.spawn({
    cmd: selfCommand("livedub", "doctor", "--quick", ...args),
    cwd: folder,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      FFMPEG_BIN: await ffmpegPath(),
      MEDIAMTX_BIN: mediamtxPath(),
      WORKER_STS_SERVICE_URL: `http://127.0.0.1:${health.port}`,
      ...listeners,
      ...environment,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const output = await new Response(child.stdout).text();
  return { code: await child.exited, output };
}

async function report(environment: Record<string, string> = {}) {
  const { code, output } = await doctor(environment, "--json");
  const { ok, findings } = reportSchema.parse(JSON.parse(output));
  const failed = findings.filter((finding) => !finding.ok);
  expect({ code, ok }).toEqual(
    failed.length === 0 ? { code: 0, ok: true } : { code: 1, ok: false },
  );
  return { findings, failed };
}

test("a machine that has everything is told so, line by line", async () => {
  answer = ready;
  const { failed, findings } = await report();
  expect(failed).toEqual([]);
  const names = findings.map(({ name }) => name);
  for (const name of ["configuration", "FFmpeg", "MediaMTX", "cache folder", "state folder"])
    expect(names).toContain(name);
  expect(names.filter((name) => name.startsWith("port ")).length).toBe(5);
  expect(names.slice(-2)).toEqual(["sidecar", "en → pt"]);
  const { output } = await doctor();
  expect(output).toEndWith("all good\n");
}, 60_000);

test("each thing that is missing is named with its remedy, and nothing else fails with it", async () => {
  answer = ready;
  const port = await freePort();
  const server = createServer();
  held.push(server);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const cases: [Record<string, string>, string, RegExp][] = [
    [{ FFMPEG_BIN: join(folder, "none") }, "FFmpeg", /set FFMPEG_BIN/],
    [{ MEDIAMTX_BIN: "/bin/true" }, "MediaMTX", /set MEDIAMTX_BIN/],
    [
      { MEDIAMTX_HLS_ADDRESS: `127.0.0.1:${port}` },
      `port 127.0.0.1:${port}`,
      /set MEDIAMTX_HLS_ADDRESS/,
    ],
    [{ ORCH_STATE_DIR: "/proc/livedub" }, "state folder", /set ORCH_STATE_DIR/],
    [{ WORKER_TARGET_LANG: "es" }, "en → es", /DEEPL_API_KEY/],
    [{ MEDIAMTX_RTMP_ADDRESS: ":1" }, "configuration", /set LIVEDUB_PUBLISH_KEYS/],
    [{ WORKER_TTS_VOICE: "x", ORCH_GRACE_PERIOD: "1d" }, "configuration", /correct it/],
  ];
  for (const [environment, name, fix] of cases) {
    const { failed } = await report(environment);
    const relevant = failed.filter((finding) => !finding.name.startsWith("port :1"));
    expect(relevant.map((finding) => finding.name)).toEqual([name]);
    expect(relevant[0]?.fix).toMatch(fix);
  }
}, 120_000);

test("a sidecar that is away, still loading or only an echo is not taken for one that dubs", async () => {
  const nobody = await freePort();
  const away = await report({ WORKER_STS_SERVICE_URL: `http://127.0.0.1:${nobody}` });
  expect(away.failed.map(({ name }) => name)).toEqual(["sidecar"]);
  answer = { status: 503, body: { status: "starting" } };
  const loading = await report();
  expect(loading.failed[0]?.fix).toBe("wait until it is warm");
  answer = { status: 200, body: { status: "healthy", service: "echo-sts", mode: "echo" } };
  const echo = await report();
  expect(echo.failed[0]?.detail).toContain("echo sidecar: nothing is translated");
}, 60_000);

test("every stream's own language pair is asked for, and its destinations are dialled", async () => {
  answer = ready;
  const closed = await freePort();
  const config = join(folder, "livedub.json");
  writeFileSync(
    config,
    JSON.stringify({
      streams: {
        match: {
          target: "fr",
          egress: [{ name: "yt", url: `rtmp://127.0.0.1:${closed}/app/topsecret` }],
        },
        talk: {
          target: "pt-BR",
          egress: [{ name: "ok", url: `rtmp://127.0.0.1:${health.port}/app/key` }],
        },
      },
    }),
  );
  const { findings, failed } = await report({ LIVEDUB_CONFIG: config });
  expect(failed.map(({ name }) => name)).toEqual(["en → fr", "egress match → yt"]);
  expect(findings.find(({ name }) => name === "egress talk → ok")?.ok).toBe(true);
  expect(JSON.stringify(findings)).not.toContain("topsecret");
}, 60_000);

test("ports held by the livedub that runs here are no fault", async () => {
  answer = { status: 200, body: { status: "ok", service: "media-service" } };
  const { failed, findings } = await report({
    ORCH_HTTP_ADDR: `127.0.0.1:${health.port}`,
    WORKER_STS_MODE: "passthrough",
  });
  expect(failed).toEqual([]);
  expect(JSON.stringify(findings)).toContain("held by the livedub serve that runs here");
}, 60_000);
