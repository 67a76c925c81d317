import { existsSync } from "node:fs";
import { toolPath, toolVersions, type CacheEnvironment } from "../weights/cache-paths.ts";

/** Where a program was found. */
export type BinarySource = "MEDIAMTX_BIN" | "embedded" | "cache" | "PATH";

export interface MediaMtxBinary {
  readonly path: string;
  readonly source: BinarySource;
}

/** MediaMTX is not here, or in another version than the one that everything was proven with. */
export class MediaMtxMissingError extends Error {
  override readonly name = "MediaMtxMissingError";
}

const wantedVersion = `v${toolVersions.mediamtx}`;

export interface BinarySearch {
  readonly environment: CacheEnvironment;
  /** Extracts the MediaMTX that this executable carries; undefined when it carries none. */
  readonly embedded?: () => Promise<string | undefined>;
}

/**
 * Finds MediaMTX: `MEDIAMTX_BIN`, else what this executable carries, else the cache, else PATH; each
 * candidate must say the pinned version.
 *
 * @throws {MediaMtxMissingError} saying what was looked at and what to do
 */
export async function resolveMediaMtx(search: BinarySearch): Promise<MediaMtxBinary> {
  const { environment } = search;
  const named = environment["MEDIAMTX_BIN"];
  if (named) {
    const problem = await versionProblem(named);
    if (problem === undefined) return { path: named, source: "MEDIAMTX_BIN" };
    throw new MediaMtxMissingError(
      `MEDIAMTX_BIN=${named}: ${problem}; name a MediaMTX ${wantedVersion}, or unset MEDIAMTX_BIN`,
    );
  }
  const candidates: [BinarySource, string | undefined][] = [
    ["embedded", await search.embedded?.()],
    ["cache", toolPath(environment, "mediamtx")],
    ["PATH", Bun.which("mediamtx", { PATH: environment["PATH"] ?? "" }) ?? undefined],
  ];
  const problems: string[] = [];
  for (const [source, path] of candidates) {
    if (path === undefined || !existsSync(path)) continue;
    const problem = await versionProblem(path);
    if (problem === undefined) return { path, source };
    problems.push(`${path}: ${problem}`);
  }
  const seen = problems.length > 0 ? ` (${problems.join("; ")})` : "";
  throw new MediaMtxMissingError(
    `MediaMTX ${wantedVersion} was not found${seen}; run ./scripts/bootstrap, ` +
      `or set MEDIAMTX_BIN to the program from its release archive`,
  );
}

/** What is wrong with a program, found by running it with `--version`; undefined when it is the pinned MediaMTX. */
async function versionProblem(path: string): Promise<string | undefined> {
  try {
    const child = Bun.spawn([path, "--version"], {
      stdout: "pipe",
      stderr: "ignore",
      stdin: "ignore",
      timeout: 5000,
    });
    const said = (await new Response(child.stdout).text()).trim().slice(0, 80);
    const code = await child.exited;
    if (said === wantedVersion) return undefined;
    if (code !== 0) return `it failed (exit code ${code}) when asked for its version`;
    return `its version is ${said === "" ? "unknown" : said}, not ${wantedVersion}`;
  } catch (error) {
    return `it cannot be run (${(error as Error).message})`;
  }
}
