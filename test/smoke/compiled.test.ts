import { beforeAll, expect, test } from "bun:test";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { runFfmpeg } from "../media/tools.ts";
import { BareMachine, buildExecutables, isRunning, untilGone, untilLogged } from "./executables.ts";

const demoClip = join(import.meta.dir, "../fixtures/media/news.mp4");
const anyPort = {
  ORCH_HTTP_ADDR: "127.0.0.1:0",
  MEDIAMTX_RTMP_ADDRESS: "127.0.0.1:0",
  MEDIAMTX_HLS_ADDRESS: "127.0.0.1:0",
  MEDIAMTX_API_ADDRESS: "127.0.0.1:0",
  MEDIAMTX_METRICS_ADDRESS: "127.0.0.1:0",
};

beforeAll(buildExecutables, 300_000);

test("both executables say their version", async () => {
  await using machine = await BareMachine.make();
  for (const name of ["livedub", "livedub-sts"]) {
    const { code, stdout } = await machine.run(machine.path(name), "version");
    expect({ name, code }).toEqual({ name, code: 0 });
    expect(stdout).toContain("0.1.0");
  }
}, 60_000);

test("doctor proves what is inside, and names what is missing with its fix", async () => {
  await using machine = await BareMachine.make(anyPort);
  const { code, stdout } = await machine.run(
    machine.path("livedub"),
    "doctor",
    "--quick",
    "--json",
  );
  const { findings } = JSON.parse(stdout) as { findings: readonly Finding[] };
  const of = (name: string) => findings.find((finding) => finding.name === name);
  expect(of("FFmpeg")?.detail).toMatch(/^9\.0\.2 passes its self-test \(embedded: /);
  expect(of("MediaMTX")?.detail).toMatch(/^1\.20\.1 \(embedded: /);
  const failed = findings.filter((finding) => !finding.ok);
  expect(failed.map(({ name }) => name)).toEqual(["model weights"]);
  expect(failed[0]?.fix).toContain("livedub-sts models pull");
  expect(code).toBe(1);
}, 60_000);

test("serve runs on what it carries, survives its shell, and stops when told", async () => {
  await using machine = await BareMachine.make({ ...anyPort, WORKER_STS_MODE: "passthrough" });
  const { pid, log } = await machine.runDetached("serve", machine.path("livedub"), "serve");
  const ready = await untilLogged(log, { event: "serve.ready" }, 60_000);
  // A process that goes with its parent does so within two seconds of the shell's end.
  await Bun.sleep(3000);
  expect(isRunning(pid)).toBe(true);
  const health = await fetch(`${ready["http"]}/health`);
  expect(health.status).toBe(200);
  const carried = await readdir(join(machine.folder, "home/.cache/livedub/embedded"), {
    recursive: true,
  });
  const names = carried.map((path) => path.split("/").at(-1));
  expect(names).toContain("ffmpeg");
  expect(names).toContain("mediamtx");
  process.kill(pid, "SIGTERM");
  await untilLogged(log, { event: "serve.stopped" }, 30_000);
  await untilGone(pid, 5000);
}, 120_000);

test("the second start extracts nothing again", async () => {
  await using machine = await BareMachine.make({ ...anyPort, WORKER_STS_MODE: "passthrough" });
  const times: number[] = [];
  for (const name of ["first", "second"]) {
    const { pid, log } = await machine.runDetached(name, machine.path("livedub"), "serve");
    await untilLogged(log, { event: "serve.ready" }, 60_000);
    process.kill(pid, "SIGTERM");
    await untilLogged(log, { event: "serve.stopped" }, 30_000);
    await untilGone(pid, 5000);
    const folder = join(machine.folder, "home/.cache/livedub/embedded");
    for (const path of await readdir(folder, { recursive: true })) {
      if (path.endsWith("/ffmpeg")) times.push((await stat(join(folder, path))).mtimeMs);
    }
  }
  expect(times).toHaveLength(2);
  expect(times[0]).toBe(times[1] ?? 0);
}, 120_000);

test("the sidecar answers in echo mode without any weights", async () => {
  await using machine = await BareMachine.make({ STS_PORT: "0", STS_MODE: "echo" });
  const { pid, log } = await machine.runDetached("sts", machine.path("livedub-sts"), "serve");
  const { url } = await untilLogged(log, { message: "listening" }, 30_000);
  await untilLogged(log, { message: "ready" }, 30_000);
  const health = await fetch(new URL("health", url));
  expect(health.status).toBe(200);
  expect(await health.json()).toMatchObject({ status: "healthy", mode: "echo" });
  process.kill(pid, "SIGTERM");
  await untilGone(pid, 15_000);
}, 90_000);

test("a file is dubbed with the sidecar that stands beside the edge", async () => {
  await using machine = await BareMachine.make({ STS_MODE: "echo" });
  const [input, output] = [machine.path("in.mp4"), machine.path("out.mp4")];
  await runFfmpeg(["-v", "error", "-t", "6", "-i", demoClip, "-c", "copy", input]);
  const report = machine.path("report.json");
  const dub = await machine.run(
    ...[machine.path("livedub"), "dub", input, "-o", output, "--report", report],
  );
  expect({ code: dub.code, stderr: dub.stderr }).toMatchObject({ code: 0 });
  const { engine, totals } = (await Bun.file(report).json()) as Report;
  expect(engine).toBe("echo");
  expect(totals.durationMs).toBeGreaterThan(5900);
  expect(totals.dubbed).toBe(totals.fragments);
  expect(await videoHash(output)).toBe(await videoHash(input));
}, 120_000);

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly fix?: string;
}

interface Report {
  readonly engine: string;
  readonly totals: {
    readonly durationMs: number;
    readonly dubbed: number;
    readonly fragments: number;
  };
}

/** A digest of the compressed picture, packet by packet. */
async function videoHash(file: string): Promise<string> {
  const { stdout } = await runFfmpeg([
    "-v",
    "error",
    "-i",
    file,
    "-map",
    "0:v",
    "-c",
    "copy",
    "-f",
    "hash",
    "-",
  ]);
  return new TextDecoder().decode(stdout);
}
