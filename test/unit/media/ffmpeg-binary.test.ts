import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { FfmpegNotFoundError, resolveFfmpeg } from "../../../src/media/ffmpeg-binary.ts";
import { testFfmpeg } from "../../../src/media/ffmpeg-self-test.ts";
import { toolPath } from "../../../src/weights/cache-paths.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ffmpeg-binary-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function program(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("finding FFmpeg", () => {
  test("the one of this machine passes its self-test", async () => {
    const found = await resolveFfmpeg(process.env);
    expect(found.version).toMatch(/^\d+\./);
    expect((await testFfmpeg(found.path)).missing).toEqual([]);
    expect(found.isMultitrack).toBe(true);
  });

  test("FFMPEG_BIN is the only one asked; what it lacks is named", async () => {
    const old = program(
      "old-ffmpeg",
      `[ "$4" = -version ] && echo "ffmpeg version 4.4.1 Copyright"; exit 0`,
    );
    expect((await testFfmpeg(old)).isMultitrack).toBe(false);
    const refusal = resolveFfmpeg({ ...process.env, FFMPEG_BIN: old });
    const error = await refusal.catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(FfmpegNotFoundError);
    const { message } = error as Error;
    expect(message).toContain(old);
    expect(message).toContain("enhanced RTMP");
    expect(message).toContain("AAC encoder");
    expect(message).toContain("keeps its stamps");
    expect(message).toContain("scripts/bootstrap");
  });

  test("a file that is missing or does not run is said to be so", async () => {
    expect((await testFfmpeg(join(folder, "nothing"))).missing[0]).toContain("there is none");
    expect((await testFfmpeg(program("broken", "exit 3"))).missing[0]).toContain("did not start");
  });

  test("an embedded one comes before the cache, and one that fails its test is passed over", async () => {
    const real = (await resolveFfmpeg(process.env)).path;
    const env = { LIVEDUB_CACHE_DIR: join(folder, "cache"), PATH: folder, HOME: folder };
    const cached = toolPath(env, "ffmpeg");
    mkdirSync(dirname(cached), { recursive: true });
    symlinkSync(real, cached);
    const broken = program("embedded", "exit 3");
    expect(await resolveFfmpeg(env, () => Promise.resolve(real))).toMatchObject({
      source: "embedded",
    });
    expect(await resolveFfmpeg(env, () => Promise.resolve(broken))).toMatchObject({
      source: "cache",
      path: cached,
    });
  });
});
