import { chmod, mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { toolPath, toolVersions, type CacheEnvironment } from "../../src/weights/cache-paths.ts";
import { claimFolder } from "../../src/weights/exclusive.ts";
import { findPython } from "../../src/weights/python.ts";
import { sha256OfFile } from "../../src/weights/sha256.ts";
import { fetchWheel, unpackWheel, type WheelPin } from "../../src/weights/wheels.ts";
import type { ProgressLine } from "./progress-line.ts";
import { SetupError } from "./steps.ts";

/** The package that carries the reference build: a static FFmpeg for Linux on x86-64. */
const wheel: WheelPin = {
  name: "imageio-ffmpeg",
  version: "0.8.1",
  sha256: ["050d6850601c3b3890bd2b28306f3b842b3daea390a561101174375a1c460bda"],
  approximateBytes: 67_998_402,
};
const binary = {
  path: "imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v9.0.2",
  bytes: 172_692_552,
  sha256: "0d709a0bed1a43f24cd2c420878c63afea4580671b6949ad19ed124572f3bc3d",
};

/** Puts the reference FFmpeg into the cache, unless `FFMPEG_BIN` names a program or it is there. */
export async function setUpFfmpeg(env: CacheEnvironment, line: ProgressLine): Promise<string> {
  const named = env["FFMPEG_BIN"];
  if (named) {
    if (Bun.which(named)) return `${named} (FFMPEG_BIN)`;
    throw new SetupError(
      `FFMPEG_BIN names ${named}, which is no program`,
      "Correct or unset FFMPEG_BIN.",
    );
  }
  const target = toolPath(env, "ffmpeg");
  if (await isReference(target)) return `${toolVersions.ffmpeg} in ${target}`;

  const workDir = join(dirname(target), ".fetch");
  await mkdir(workDir, { recursive: true });
  await claimFolder(workDir); // ends with the folder, or with this process
  const python = await findPython();
  const label = `fetching FFmpeg ${toolVersions.ffmpeg}`;
  line.update(label);
  const file = await fetchWheel(python, wheel, workDir, (doneBytes, totalBytes) =>
    line.update(label, doneBytes, totalBytes),
  );
  line.update("unpacking FFmpeg");
  const unpacked = join(workDir, "unpacked");
  await unpackWheel(python, file, unpacked);
  const found = join(unpacked, binary.path);
  if (!(await isReference(found))) {
    throw new SetupError(
      `the FFmpeg in ${wheel.name} ${wheel.version} is not the pinned build`,
      `Remove ${workDir} and run it again.`,
    );
  }
  await chmod(found, 0o755);
  await rename(found, target);
  await rm(workDir, { recursive: true, force: true });
  return `${toolVersions.ffmpeg} put into ${target}`;
}

async function isReference(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  return status?.size === binary.bytes && (await sha256OfFile(path)) === binary.sha256;
}
