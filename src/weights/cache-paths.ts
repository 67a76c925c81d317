import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

/** The variables that decide where the cache lies; `process.env` fits. */
export interface CacheEnvironment {
  readonly [name: string]: string | undefined;
}

/** Programs of other projects that the cache holds, each in one pinned version. */
export const toolVersions = {
  bun: "1.4.5",
  ffmpeg: "9.0.2",
  mediamtx: "1.20.1",
} as const;

/** A program that the cache can hold. */
export type ToolName = keyof typeof toolVersions;

/**
 * The cache's root folder: `LIVEDUB_CACHE_DIR`, else `XDG_CACHE_HOME/livedub`, else `~/.cache/livedub`.
 * The folder need not exist. A relative `XDG_CACHE_HOME` is ignored, as the XDG Base Directory
 * specification demands; a relative `LIVEDUB_CACHE_DIR` counts from the working directory.
 */
export function cacheRoot(env: CacheEnvironment): string {
  if (env["LIVEDUB_CACHE_DIR"]) return resolve(env["LIVEDUB_CACHE_DIR"]);
  const xdg = env["XDG_CACHE_HOME"];
  if (xdg && isAbsolute(xdg)) return join(xdg, "livedub");
  return join(env["HOME"] || homedir(), ".cache", "livedub");
}

/** Where the cache keeps the pinned build of a program: `tools/<name>-<version>/<name>`. The file need not exist. */
export function toolPath(env: CacheEnvironment, tool: ToolName): string {
  return join(cacheRoot(env), "tools", `${tool}-${toolVersions[tool]}`, tool);
}

/** Where the cache keeps the weights named by the lock file. The folder need not exist. */
export function modelsDir(env: CacheEnvironment): string {
  return join(cacheRoot(env), "models");
}
