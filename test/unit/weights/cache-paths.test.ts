import { expect, test } from "bun:test";
import { cacheRoot, modelsDir, toolPath } from "../../../src/weights/cache-paths.ts";

test("the cache is where LIVEDUB_CACHE_DIR says, else in XDG_CACHE_HOME, else in the home folder", () => {
  const home = { HOME: "/home/ada" };
  expect(cacheRoot(home)).toBe("/home/ada/.cache/livedub");
  expect(cacheRoot({ ...home, XDG_CACHE_HOME: "/var/cache" })).toBe("/var/cache/livedub");
  expect(cacheRoot({ ...home, XDG_CACHE_HOME: "/var/cache", LIVEDUB_CACHE_DIR: "/big" })).toBe(
    "/big",
  );
});

test("a relative XDG_CACHE_HOME is ignored", () => {
  expect(cacheRoot({ HOME: "/home/ada", XDG_CACHE_HOME: "cache" })).toBe(
    "/home/ada/.cache/livedub",
  );
});

test("a relative LIVEDUB_CACHE_DIR counts from the working directory", () => {
  expect(cacheRoot({ LIVEDUB_CACHE_DIR: "cache" })).toBe(`${process.cwd()}/cache`);
});

test("programs and weights have their places in it", () => {
  const env = { LIVEDUB_CACHE_DIR: "/big" };
  expect(toolPath(env, "ffmpeg")).toBe("/big/tools/ffmpeg-9.0.2/ffmpeg");
  expect(toolPath(env, "mediamtx")).toBe("/big/tools/mediamtx-1.20.1/mediamtx");
  expect(modelsDir(env)).toBe("/big/models");
});
