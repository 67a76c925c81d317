import { existsSync } from "node:fs";
import { resolveFfmpeg } from "../../src/media/ffmpeg-binary.ts";
import { toolPath } from "../../src/weights/cache-paths.ts";

let ffmpeg: Promise<string> | undefined;

/** The FFmpeg that the product itself would use here. */
export function ffmpegPath(): Promise<string> {
  ffmpeg ??= resolveFfmpeg(process.env).then(({ path }) => path);
  return ffmpeg;
}

/** The MediaMTX of `MEDIAMTX_BIN`, or the pinned one in the cache. */
export function mediamtxPath(): string {
  const path = process.env["MEDIAMTX_BIN"] ?? toolPath(process.env, "mediamtx");
  if (!existsSync(path)) throw new Error(`no MediaMTX at ${path}: run scripts/bootstrap`);
  return path;
}

/** Runs FFmpeg to its end. @returns its standard output and standard error */
export async function runFfmpeg(
  args: readonly string[],
): Promise<{ stdout: Uint8Array; stderr: string }> {
  const child = Bun.spawn({
    cmd: [await ffmpegPath(), "-hide_banner", "-nostdin", "-y", ...args],
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`ffmpeg ${args.join(" ")}\n${stderr}`);
  return { stdout, stderr };
}
