import { existsSync } from "node:fs";
import { ffmpegCandidates } from "../../src/media/ffmpeg-binary.ts";
import type { CacheEnvironment } from "../../src/weights/cache-paths.ts";
import { FragmentFailure } from "../session/fragment-processor.ts";

/**
 * The FFmpeg for AAC: any version can do that, so that unlike the edge's it needs no self-test; the
 * doctor proves it by a round trip.
 * @throws {FragmentFailure} with the remedy when there is none: only PCM and WAV are served then
 */
export function findFfmpeg(env: CacheEnvironment): string {
  const found = ffmpegCandidates(env).find((candidate) => existsSync(candidate.path));
  if (found !== undefined) return found.path;
  throw new FragmentFailure(
    "PROCESSING_ERROR",
    "the sidecar has no FFmpeg, which AAC needs: send pcm_s16le, or install FFmpeg there (FFMPEG_BIN)",
    { stage: "asr", retryable: false },
  );
}
