import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { MediaMtxMissingError, resolveMediaMtx } from "../../../src/mediamtx/binary.ts";
import { toolPath } from "../../../src/weights/cache-paths.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mediamtx-binary-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A program that says a version. */
function program(path: string, version: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho ${version}\n`);
  chmodSync(path, 0o755);
  return path;
}

test("MEDIAMTX_BIN wins, and is refused in another version", async () => {
  const right = program(join(folder, "right"), "v1.20.1");
  expect(await resolveMediaMtx({ environment: { MEDIAMTX_BIN: right } })).toEqual({
    path: right,
    source: "MEDIAMTX_BIN",
  });
  const old = program(join(folder, "old"), "v1.9.0");
  const search = resolveMediaMtx({ environment: { MEDIAMTX_BIN: old } });
  await expect(search).rejects.toThrow(/MEDIAMTX_BIN=.*its version is v1\.9\.0, not v1\.20\.1/);
});

test("the one inside the executable comes before the cache, the cache before PATH", async () => {
  const environment = { LIVEDUB_CACHE_DIR: join(folder, "cache"), PATH: join(folder, "path") };
  const onPath = program(join(folder, "path", "mediamtx"), "v1.20.1");
  expect((await resolveMediaMtx({ environment })).path).toBe(onPath);
  const cached = program(toolPath(environment, "mediamtx"), "v1.20.1");
  expect((await resolveMediaMtx({ environment })).path).toBe(cached);
  const inside = program(join(folder, "inside"), "v1.20.1");
  const embedded = () => Promise.resolve(inside);
  expect((await resolveMediaMtx({ environment, embedded })).path).toBe(inside);
});

test("without one the error says what to do, and what was wrong with what was seen", async () => {
  const environment = { LIVEDUB_CACHE_DIR: join(folder, "none"), PATH: join(folder, "older") };
  program(join(folder, "older", "mediamtx"), "v1.8.0");
  const search = resolveMediaMtx({ environment });
  await expect(search).rejects.toThrow(MediaMtxMissingError);
  await expect(search).rejects.toThrow(/v1\.8\.0.*bootstrap.*MEDIAMTX_BIN/);
});
