import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const packageDir = dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
const nativeDir = join(packageDir, "bin", "napi-v6", process.platform, process.arch);
const library = join(nativeDir, "libonnxruntime.so.1");
const sha256 = createHash("sha256").update(readFileSync(library)).digest("hex");
let dir: string;
let binding: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "livedub-native-"));
  binding = join(dir, "binding.node");
  copyFileSync(join(nativeDir, "onnxruntime_binding.node"), binding);
});
afterAll(() => rmSync(dir, { recursive: true }));

function prepare(cacheDir: string, digest: string) {
  const fixture = join(import.meta.dir, "native-library.fixture.ts");
  const child = Bun.spawnSync([process.execPath, fixture, library, digest, binding], {
    env: { ...process.env, LIVEDUB_CACHE_DIR: cacheDir },
  });
  return { code: child.exitCode, out: child.stdout.toString(), err: child.stderr.toString() };
}

test("an embedded library is extracted once, privately, and found by a binding that stands alone", () => {
  const cacheDir = join(dir, "cache");
  const first = prepare(cacheDir, sha256);
  expect(first.err).toBe("");
  expect(JSON.parse(first.out)).toContain("cpu");

  const folder = join(cacheDir, "native", sha256.slice(0, 16));
  expect(readdirSync(folder)).toEqual(["libonnxruntime.so.1"]);
  const extracted = statSync(join(folder, "libonnxruntime.so.1"));
  expect(extracted.mode & 0o077).toBe(0);
  expect(prepare(cacheDir, sha256).code).toBe(0);
  expect(statSync(join(folder, "libonnxruntime.so.1")).mtimeMs).toBe(extracted.mtimeMs);
});

test("a damaged one is refused, and nothing is left behind", () => {
  const cacheDir = join(dir, "other");
  const refused = prepare(cacheDir, "0".repeat(64));
  expect(refused.code).not.toBe(0);
  expect(refused.err).toContain("damaged");
  expect(() => readdirSync(cacheDir)).toThrow();
});

test("a cache folder that cannot be written is named", () => {
  const refused = prepare("/proc/livedub", sha256);
  expect(refused.err).toContain("/proc/livedub");
  expect(refused.err).toContain("LIVEDUB_CACHE_DIR");
});
