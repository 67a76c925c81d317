import { accessSync, constants, existsSync, mkdtempSync, rmdirSync, statfsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { EdgeConfig } from "../../config/edge-config.ts";
import { furtherWaysIn } from "../../config/edge-rules.ts";
import { extractEmbedded } from "../../media/embedded.ts";
import { resolveFfmpeg } from "../../media/ffmpeg-binary.ts";
import { resolveMediaMtx } from "../../mediamtx/binary.ts";
import {
  claimAddress,
  formatAddress,
  PortTakenError,
  reachableFromHere,
  type ListenAddress,
} from "../../mediamtx/listen-address.ts";
import { cacheRoot, toolVersions } from "../../weights/cache-paths.ts";
import { bad, good, type Finding } from "./finding.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const leastFreeBytes = 100_000_000;
const healthWithinMs = 2000;

/** FFmpeg and MediaMTX, found as serve finds them and really run. */
export async function checkPrograms(environment: Environment): Promise<Finding[]> {
  return Promise.all([
    resolveFfmpeg(environment, () => extractEmbedded("ffmpeg", environment)).then(
      ({ path, version, source }) =>
        good("FFmpeg", `${version} passes its self-test (${source}: ${path})`),
      (error: unknown) => failed("FFmpeg", error, "run scripts/bootstrap, or set FFMPEG_BIN"),
    ),
    resolveMediaMtx({ environment, embedded: () => extractEmbedded("mediamtx", environment) }).then(
      ({ path, source }) => good("MediaMTX", `${toolVersions.mediamtx} (${source}: ${path})`),
      (error: unknown) => failed("MediaMTX", error, "run scripts/bootstrap, or set MEDIAMTX_BIN"),
    ),
  ]);
}

/** True when a livedub serve answers at the configured address: then its ports are rightly taken. */
export async function serveRunsHere(address: ListenAddress): Promise<boolean> {
  try {
    const url = `http://${formatAddress(reachableFromHere(address))}/health`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(healthWithinMs) });
    return ((await answer.json()) as { service?: unknown }).service === "media-service";
  } catch {
    return false;
  }
}

/** Every listener of serve, opened for a moment. */
export function checkPorts(values: EdgeConfig["values"], runsHere: boolean): Finding[] {
  const listeners = [
    ["ORCH_HTTP_ADDR", values.httpAddress],
    ["MEDIAMTX_RTMP_ADDRESS", values.rtmpAddress],
    ["MEDIAMTX_HLS_ADDRESS", values.hlsAddress],
    ["MEDIAMTX_API_ADDRESS", values.mediamtxApiAddress],
    ["MEDIAMTX_METRICS_ADDRESS", values.mediamtxMetricsAddress],
    ...furtherWaysIn(values),
  ] as const;
  return listeners.map(([setting, address]) => {
    const name = `port ${formatAddress(address)}`;
    try {
      claimAddress(setting, address);
      return good(name, `free (${setting})`);
    } catch (error) {
      if (!(error instanceof PortTakenError)) throw error;
      if (runsHere) return good(name, `held by the livedub serve that runs here (${setting})`);
      return bad(
        name,
        error.message.split(";")[0] ?? error.message,
        `end the program that holds it, or set ${setting} to another address`,
      );
    }
  });
}

/** Cache and state folders can be written, and there is room. */
export function checkDisk(values: EdgeConfig["values"], environment: Environment): Finding[] {
  return [
    checkFolder("cache folder", cacheRoot(environment), "LIVEDUB_CACHE_DIR"),
    checkFolder("state folder", resolve(values.stateDir), "ORCH_STATE_DIR"),
  ];
}

function checkFolder(name: string, path: string, setting: string): Finding {
  let existing = path;
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    accessSync(existing, constants.W_OK);
    rmdirSync(mkdtempSync(join(existing, ".livedub-doctor-")));
    const { bavail, bsize } = statfsSync(existing);
    const free = `${Math.floor((bavail * bsize) / 1e6)} MB free`;
    if (bavail * bsize >= leastFreeBytes) return good(name, `${path} can be written, ${free}`);
    return bad(name, `${path}: ${free}`, `make room there, or set ${setting} to another folder`);
  } catch (error) {
    const fix = `let this user write there, or set ${setting} to another folder`;
    return bad(name, `${path} cannot be written (${(error as Error).message})`, fix);
  }
}

function failed(name: string, error: unknown, fix: string): Finding {
  return bad(name, error instanceof Error ? error.message : String(error), fix);
}
