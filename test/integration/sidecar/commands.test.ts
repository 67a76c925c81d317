import { describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StsClient } from "../../support/sts-client.ts";

const main = join(import.meta.dir, "..", "..", "..", "gpu", "main.ts");

function sts(args: readonly string[], env: Record<string, string> = {}) {
  return Bun.spawn([process.execPath, main, ...args], {
    env: { ...process.env, STS_PORT: "0", NO_COLOR: "1", BUN_OPTIONS: "--no-orphans", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function run(args: readonly string[], env: Record<string, string> = {}) {
  const child = sts(args, env);
  const [stdout, stderr, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { stdout, stderr, code };
}

/** A child that serves, its address, and what it logs from then on. */
async function serving(env: Record<string, string>) {
  const child = sts(["serve"], env);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  while (!log.includes('"message":"ready"')) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`serve ended: ${await child.stderr.text()}`);
    log += value;
  }
  return { child, url: /"url":"([^"]+)\/"/.exec(log)?.[1] ?? "" };
}

describe("livedub-sts serve", () => {
  test("lists every bad setting and exits with 2", async () => {
    const { stderr, code } = await run(["serve"], {
      MAX_INFLIGHT: "0",
      STS_MODE: "x",
      STS_API_KEY: "hush",
    });
    expect(code).toBe(2);
    expect(stderr).toContain("MAX_INFLIGHT=0");
    expect(stderr).toContain("STS_MODE=x");
    expect(stderr).not.toContain("hush");
  });

  test("without weights says which folder is missing and how to fill it, and exits with 1", async () => {
    const { stderr, code } = await run(["serve"], { LIVEDUB_MODELS_DIR: "/nonexistent/models" });
    expect(code).toBe(1);
    expect(stderr).toContain("/nonexistent/models");
    expect(stderr).toContain("livedub-sts models pull");
  });

  test("on a taken port names the port and the setting, and exits with 1", async () => {
    using blocker = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const { stderr, code } = await run(["serve", "--mode", "echo", "--port", String(blocker.port)]);
    expect(code).toBe(1);
    expect(stderr).toContain(`127.0.0.1:${blocker.port} is taken`);
    expect(stderr).toContain("STS_PORT");
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const)
    test(`${signal} lets what is in flight finish, disconnects, and exits with 0`, async () => {
      const { child, url } = await serving({ STS_MODE: "echo", ECHO_PROCESSING_DELAY_MS: "300" });
      using client = await StsClient.begin(url);
      client.fragment(0);
      await client.next("fragment:ack");
      child.kill(signal);
      expect(await client.next("fragment:processed")).toMatchObject({ status: "success" });
      expect(await client.next("disconnect")).toBe("io server disconnect");
      expect(await child.exited).toBe(0);
    });

  test("a second signal ends it at once", async () => {
    const { child, url } = await serving({ STS_MODE: "echo", ECHO_PROCESSING_DELAY_MS: "60000" });
    using client = await StsClient.begin(url, { timeout_ms: 60_000 });
    client.fragment(0);
    await client.next("fragment:ack");
    child.kill("SIGTERM");
    client.fragment(1);
    await client.next("error"); // it is stopping, and waits for the fragment
    const askedAtMs = performance.now();
    child.kill("SIGTERM");
    expect(await child.exited).toBe(143);
    expect(performance.now() - askedAtMs).toBeLessThan(2000);
  });
});

describe("livedub-sts doctor", () => {
  test("proves the port and FFmpeg in echo mode, and exits with 0", async () => {
    const { stdout, code } = await run(["doctor"], { STS_MODE: "echo" });
    expect(stdout).toContain("encodes and decodes AAC");
    expect(code).toBe(0);
  });

  test("names each thing that fails, with its remedy, and exits with 1", async () => {
    const folder = mkdtempSync(join(tmpdir(), "livedub-empty-"));
    const { stdout, code } = await run(["doctor"], {
      LIVEDUB_MODELS_DIR: folder,
      FFMPEG_BIN: "/nonexistent/ffmpeg",
      DEVICE: "cpu",
      ESPEAK_NG_BIN: "/nonexistent/espeak-ng",
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAIL {2}FFmpeg: .*install FFmpeg/);
    expect(stdout).toMatch(/FAIL {2}weights: .*models pull/);
    expect(stdout).toMatch(/FAIL {2}espeak-ng: /);
    expect(stdout).toMatch(/ok {4}onnxruntime: version \d/);
    expect(stdout).toContain("3 to mend");
  });
});

describe("livedub-sts models, version and help", () => {
  test("list and verify name what an empty folder lacks, and exit with 1", async () => {
    const folder = mkdtempSync(join(tmpdir(), "livedub-empty-"));
    const list = await run(["models", "list", "--dir", folder]);
    expect(list.code).toBe(1);
    expect(list.stdout).toMatch(/missing .*whisper/);
    const verify = await run(["models", "verify", "--dir", folder]);
    expect(verify.code).toBe(1);
    expect(verify.stderr).toContain("is missing");
    expect(verify.stdout).toMatch(/^0 of \d+ files are right/);
  });

  test("version names the program and the protocol", async () => {
    const { stdout, code } = await run(["version"]);
    expect(stdout).toMatch(/^livedub-sts \d+\.\d+\.\d+ \(protocol 1\.0/);
    expect(code).toBe(0);
  });

  test("help lists the commands for people, and not those that serve starts", async () => {
    const { stdout, stderr } = await run(["--help"]);
    for (const command of ["serve", "models", "doctor", "version"])
      expect(stdout + stderr).toContain(command);
    expect(stdout + stderr).not.toContain("recognise");
  });
});

describe("livedub-sts bench", () => {
  test("without weights says which folder is missing and how to fill it, and exits with 1", async () => {
    const { stderr, stdout, code } = await run(["bench", "--json"], {
      LIVEDUB_MODELS_DIR: "/nonexistent/models",
    });
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain("/nonexistent/models");
    expect(stderr).toContain("livedub-sts models pull");
  });

  test("takes voices of a voice service where one is set, as serve does", async () => {
    const voices = join(mkdtempSync(join(tmpdir(), "livedub-voices-")), "voices.json");
    const profile = { language: "pt", speaker: "pf_dora", voice_id: "v1" };
    await Bun.write(voices, JSON.stringify({ default: profile }));
    const env = { VOICE_PROFILES_PATH: voices, LIVEDUB_MODELS_DIR: "/nonexistent/models" };
    const served = await run(["bench"], {
      ...env,
      TTS_PROVIDER: "elevenlabs",
      ELEVENLABS_API_KEY: "hush",
    });
    expect(served.stderr).toContain("/nonexistent/models"); // what is looked for after the voices
    expect(served.stderr).not.toContain("voice_id");
    expect(served.code).toBe(1);
    const local = await run(["bench"], env);
    expect(local.stderr).toContain("default.voice_id: needs a voice service");
    expect(local.code).toBe(2);
  });

  test("without models to measure names the setting, and exits with 2", async () => {
    const { stderr, code } = await run(["bench"], { STS_MODE: "echo" });
    expect(code).toBe(2);
    expect(stderr).toContain("STS_MODE=echo");
  });
});
