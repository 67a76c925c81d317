import { existsSync } from "node:fs";
import ffmpegStaticPath from "ffmpeg-static";
import { toolPath, type CacheEnvironment } from "../weights/cache-paths.ts";
import { testFfmpeg } from "./ffmpeg-self-test.ts";

/** Where an FFmpeg came from, in the order in which they are asked. */
export type FfmpegSource = "FFMPEG_BIN" | "embedded" | "cache" | "ffmpeg-static" | "PATH";

export interface ResolvedFfmpeg {
  readonly path: string;
  readonly source: FfmpegSource;
  readonly version: string;
  /** As of {@link testFfmpeg}. */
  readonly isMultitrack: boolean;
}

export interface FfmpegCandidate {
  readonly source: FfmpegSource;
  readonly path: string;
}

/** No FFmpeg here does what livedub needs; the message says what each one lacks, and the remedy. */
export class FfmpegNotFoundError extends Error {
  override readonly name = "FfmpegNotFoundError";
}

/**
 * The FFmpeg to use: the first candidate that passes the self-test. `FFMPEG_BIN`, when set, is the only
 * one: what was named is never silently replaced.
 *
 * @param embedded extracts the FFmpeg inside this executable and gives its path, if there is one
 * @throws {FfmpegNotFoundError} when none passes
 */
export async function resolveFfmpeg(
  env: CacheEnvironment,
  embedded: () => Promise<string | undefined> = () => Promise.resolve(undefined),
): Promise<ResolvedFfmpeg> {
  const candidates = ffmpegCandidates(env, env["FFMPEG_BIN"] ? undefined : await embedded());
  const problems: string[] = [];
  for (const { source, path } of candidates) {
    const { version, missing, isMultitrack } = await testFfmpeg(path);
    if (missing.length === 0) return { path, source, version, isMultitrack };
    problems.push(`${source} (${path}, version ${version}) lacks ${missing.join("; ")}`);
  }
  const tried = problems.length === 0 ? "none was found" : problems.join(". ");
  throw new FfmpegNotFoundError(
    `no FFmpeg does what livedub needs: ${tried}. Run scripts/bootstrap, or set FFMPEG_BIN to an FFmpeg 9`,
  );
}

/** The FFmpegs in reach, existing or named by the operator, in the order of preference. */
export function ffmpegCandidates(env: CacheEnvironment, embedded?: string): FfmpegCandidate[] {
  const named = env["FFMPEG_BIN"];
  if (named) return [{ source: "FFMPEG_BIN", path: Bun.which(named) ?? named }];
  const onPath = Bun.which("ffmpeg", env["PATH"] === undefined ? {} : { PATH: env["PATH"] });
  const inReach: [FfmpegSource, string | null | undefined][] = [
    ["embedded", embedded],
    ["cache", toolPath(env, "ffmpeg")],
    ["ffmpeg-static", ffmpegStaticPath],
    ["PATH", onPath],
  ];
  return inReach.flatMap(([source, path]) => (path && existsSync(path) ? [{ source, path }] : []));
}
