import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { selfCommand } from "../../../src/process/self.ts";

const folder = mkdtempSync(join(tmpdir(), "livedub-config-command-"));
afterAll(() => rmSync(folder, { recursive: true }));

const shown = z.object({
  settings: z.array(z.object({ name: z.string(), value: z.string(), origin: z.string() })),
  streams: z.record(z.string(), z.record(z.string(), z.unknown())),
  warnings: z.array(z.string()),
});

async function config(args: readonly string[], environment: Record<string, string> = {}) {
  const child = Bun.spawn({
    cmd: selfCommand("livedub", "config", ...args),
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

const path = join(folder, "livedub.json");

test("every setting is shown with its value and where it came from, secrets as ***", async () => {
  writeFileSync(
    path,
    JSON.stringify({
      WORKER_TARGET_LANG: "fr",
      LIVEDUB_API_TOKEN: "a-very-secret-token-1",
      streams: { match: { delay: "fast", egress: [{ name: "yt", url: "rtmp://h/app/topkey" }] } },
    }),
  );
  const environment = {
    SOURCE_LANGUAGE: "de",
    STS_API_KEY: "another-secret",
    STS_SERVICE_URL: "http://user:hidden@sts:8000",
    WORKER_BUFFER_TARGET: "10s",
  };
  const { code, out } = await config(["--config", path, "--json"], environment);
  expect(code).toBe(0);
  const { settings, streams, warnings } = shown.parse(JSON.parse(out));
  const line = (name: string) => {
    const found = settings.find((one) => one.name === name);
    return [found?.value, found?.origin];
  };
  expect(line("WORKER_TARGET_LANG")).toEqual(["fr", "config file"]);
  expect(line("WORKER_SOURCE_LANG")).toEqual(["de", "environment (as SOURCE_LANGUAGE)"]);
  expect(line("WORKER_FALLBACK_MODE")).toEqual(["original", "default"]);
  expect(line("LIVEDUB_API_TOKEN")).toEqual(["***", "config file"]);
  expect(line("WORKER_STS_API_KEY")).toEqual(["***", "environment (as STS_API_KEY)"]);
  expect(line("WORKER_STS_SERVICE_URL")[0]).toBe("http://***@sts:8000");
  expect(line("LIVEDUB_CONFIG")).toEqual([path, "command line"]);
  expect(streams).toEqual({ match: { delay: 4000, egress: ["yt"] } });
  expect(warnings).toEqual([
    "WORKER_BUFFER_TARGET has no effect: WORKER_PLAYOUT_DELAY_MS replaces it",
  ]);
  const text = await config(["--config", path], environment);
  for (const secret of ["a-very-secret-token-1", "another-secret", "hidden", "topkey"])
    expect(out + text.out + text.err).not.toContain(secret);
});

test("config check tells a good file from a bad one, by its exit code too", async () => {
  const good = await config(["check", path], { WORKER_TARGET_LANG: "not a language" });
  expect(good).toMatchObject({ code: 0, out: `${path}: ok, 1 streams\n` });
  const bad = join(folder, "bad.toml");
  writeFileSync(bad, 'WORKER_TARGT_LANG = "pt"\nORCH_HTTP_ADDR = ":8080"\n');
  expect(await config(["check", bad])).toMatchObject({
    code: 1,
    err: `${bad}: unknown key WORKER_TARGT_LANG; did you mean WORKER_TARGET_LANG?\n`,
  });
  writeFileSync(bad, 'ORCH_HTTP_ADDR = ":8080"\n');
  const open = await config(["check", bad]);
  expect(open.code).toBe(1);
  expect(open.err).toContain("set LIVEDUB_API_TOKEN");
  expect(await config(["check"])).toMatchObject({ code: 1 });
  expect(await config(["chekc"])).toMatchObject({ code: 1 });
});
