import { stat } from "node:fs/promises";
import { join } from "node:path";
import { lockedFiles, type WeightFile } from "./lock.ts";
import { sha256OfFile } from "./sha256.ts";
import { readStamp, writeStamp, type Stamp, type StampEntry } from "./stamp.ts";

/** What is wrong with one file. */
export interface WeightProblem {
  readonly path: string;
  readonly kind: "missing" | "truncated" | "oversized" | "wrong-hash";
  readonly expectedBytes: number;
  /** 0 for a missing file. */
  readonly foundBytes: number;
  /** One line for people: the file, what is wrong, and the remedy. */
  readonly message: string;
}

/** The result of checking a models folder against the lock. */
export interface WeightsReport {
  readonly dir: string;
  readonly checkedFiles: number;
  /** Bytes read for hashing; 0 when every hash was known from the stamp. */
  readonly hashedBytes: number;
  readonly problems: readonly WeightProblem[];
}

/** How far a check is, over all files. */
export interface CheckProgress {
  readonly path: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface CheckOptions {
  /** Looks only at the files for which this is true, e.g. those of the engines in use. */
  readonly only?: (file: WeightFile) => boolean;
  readonly onProgress?: (progress: CheckProgress) => void;
}

/** Hashes every locked file in `dir`, whatever was verified before. */
export async function verifyWeights(
  dir: string,
  options: CheckOptions = {},
): Promise<WeightsReport> {
  return checkWeights(dir, options, {});
}

/**
 * Checks sizes, and hashes only files that changed since they were last verified (by size and
 * modification time, kept in a stamp file in `dir`): milliseconds once a folder has been verified.
 */
export async function quickCheckWeights(
  dir: string,
  options: CheckOptions = {},
): Promise<WeightsReport> {
  return checkWeights(dir, options, await readStamp(dir));
}

async function checkWeights(
  dir: string,
  { only, onProgress }: CheckOptions,
  known: Stamp,
): Promise<WeightsReport> {
  const all = await lockedFiles(dir);
  const files = only ? all.filter(only) : all;
  const totalBytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const problems: WeightProblem[] = [];
  const verified: Record<string, StampEntry> = { ...known };
  let doneBytes = 0;
  let hashedBytes = 0;
  for (const file of files) {
    const before = doneBytes;
    const found = await checkFile(dir, file, known[file.path], (bytes) => {
      hashedBytes += bytes;
      doneBytes += bytes;
      onProgress?.({ path: file.path, doneBytes, totalBytes });
    });
    doneBytes = before + file.bytes;
    onProgress?.({ path: file.path, doneBytes, totalBytes });
    if ("kind" in found) {
      problems.push(found);
      delete verified[file.path];
    } else {
      verified[file.path] = found;
    }
  }
  if (hashedBytes > 0 || problems.length > 0) await writeStamp(dir, verified);
  return { dir, checkedFiles: files.length, hashedBytes, problems };
}

async function checkFile(
  dir: string,
  file: WeightFile,
  known: StampEntry | undefined,
  onBytes: (bytes: number) => void,
): Promise<StampEntry | WeightProblem> {
  const path = join(dir, file.path);
  const status = await stat(path, { bigint: true }).catch(() => undefined);
  if (!status?.isFile()) return problem(dir, file, "missing", 0);
  const foundBytes = Number(status.size);
  if (foundBytes !== file.bytes) {
    return problem(dir, file, foundBytes < file.bytes ? "truncated" : "oversized", foundBytes);
  }
  const current = { bytes: foundBytes, mtimeNs: status.mtimeNs.toString(), sha256: file.sha256 };
  const unchanged =
    known?.bytes === current.bytes &&
    known.mtimeNs === current.mtimeNs &&
    known.sha256 === current.sha256;
  if (unchanged) return current;
  const sha256 = await sha256OfFile(path, onBytes);
  return sha256 === file.sha256 ? current : problem(dir, file, "wrong-hash", foundBytes);
}

function problem(
  dir: string,
  file: WeightFile,
  kind: WeightProblem["kind"],
  foundBytes: number,
): WeightProblem {
  const wrong = {
    missing: "is missing",
    truncated: `is truncated: ${foundBytes} bytes of ${file.bytes}`,
    oversized: `is too long: ${foundBytes} bytes instead of ${file.bytes}`,
    "wrong-hash": `has the right size (${file.bytes} bytes) but another content than the lock file says`,
  }[kind];
  const message = `${join(dir, file.path)} ${wrong}. ${remedyFor(dir)}`;
  return { path: file.path, kind, expectedBytes: file.bytes, foundBytes, message };
}

/** What to do about a faulty models folder. */
export function remedyFor(dir: string): string {
  return `Run \`livedub-sts models pull --dir ${dir}\` (or ./scripts/bootstrap in the repository), or set LIVEDUB_MODELS_DIR to a complete folder.`;
}
