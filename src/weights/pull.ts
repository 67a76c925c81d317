import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buildWeights, type BuildProgress } from "./build.ts";
import { quickCheckWeights, type CheckProgress, type WeightsReport } from "./check.ts";
import { download } from "./download.ts";
import { claimFolder } from "./exclusive.ts";
import { lockedFiles, type RecipeName, type WeightFile } from "./lock.ts";
import { sha256OfFile } from "./sha256.ts";
import { WeightsError } from "./weights-error.ts";

/** How far a pull is: checking what is there, fetching, building, or putting files in place. */
export type PullProgress =
  | ({ readonly phase: "check" } & CheckProgress)
  | BuildProgress
  | {
      readonly phase: "install";
      readonly what: string;
      readonly step: number;
      readonly steps: number;
    };

export interface PullOptions {
  /** Pulls only the files for which this is true. */
  readonly only?: (file: WeightFile) => boolean;
  readonly onProgress?: (progress: PullProgress) => void;
}

/** Folder inside the models folder that a pull works in; it is gone when the pull has succeeded. */
const workFolderName = ".pull";

/**
 * Completes a models folder: files that are missing or wrong are made from published packages by their
 * recipe, or fetched by their url, checked against the lock and put in place one by one, each by a rename.
 * An interrupted pull goes on where it stopped. Nothing is done, and nothing needed, when all is there.
 * @returns the check of the folder afterwards (without problems)
 * @throws WeightsError when something cannot be fetched or built, or comes out other than the lock says
 */
export async function pullWeights(dir: string, options: PullOptions = {}): Promise<WeightsReport> {
  const { only, onProgress } = options;
  const check = (): Promise<WeightsReport> =>
    quickCheckWeights(dir, {
      ...(only && { only }),
      onProgress: (progress) => onProgress?.({ phase: "check", ...progress }),
    });
  const before = await check();
  const workDir = join(dir, workFolderName);
  if (before.problems.length === 0) {
    await rm(workDir, { recursive: true, force: true });
    return before;
  }
  await makeFolder(workDir);
  const claim = await claimFolder(workDir);
  try {
    const wanted = new Set(before.problems.map((problem) => problem.path));
    const files = (await lockedFiles(dir)).filter((file) => wanted.has(file.path));
    await fetchListed(files, dir, workDir, onProgress);
    await makeByRecipe(files, dir, workDir, onProgress);
  } finally {
    await claim.release();
  }
  await rm(workDir, { recursive: true, force: true });
  const after = await check();
  const left = after.problems[0];
  if (!left) return after;
  throw new WeightsError(left.message, {
    blame: "files",
    retryable: true,
    remedy: "The folder changed during the pull.",
  });
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw new WeightsError(`Cannot write into ${dirname(path)}: ${String(cause)}`, {
      blame: "machine",
      retryable: false,
      remedy: "Make the folder writable, or name another one with LIVEDUB_MODELS_DIR.",
      cause,
    });
  }
}

async function fetchListed(
  files: readonly WeightFile[],
  dir: string,
  workDir: string,
  onProgress: PullOptions["onProgress"],
): Promise<void> {
  const listed = files.filter((file) => file.url !== undefined);
  for (const [index, file] of listed.entries()) {
    const step = { what: file.path, step: index + 1, steps: listed.length };
    const temporary = join(workDir, file.sha256);
    await download(
      {
        url: file.url ?? "",
        bytes: file.bytes,
        digest: { algorithm: "sha256", encoding: "hex", value: file.sha256 },
      },
      temporary,
      (doneBytes, totalBytes) => onProgress?.({ phase: "fetch", ...step, doneBytes, totalBytes }),
    );
    await putInPlace(temporary, join(dir, file.path));
  }
}

async function makeByRecipe(
  files: readonly WeightFile[],
  dir: string,
  workDir: string,
  onProgress: PullOptions["onProgress"],
): Promise<void> {
  const names = new Set<RecipeName>();
  for (const file of files) if (file.recipe) names.add(file.recipe);
  if (names.size === 0) return;
  const out = await buildWeights([...names], workDir, onProgress);
  const made = files.filter((file) => file.recipe !== undefined);
  for (const [index, file] of made.entries()) {
    onProgress?.({ phase: "install", what: file.path, step: index + 1, steps: made.length });
    const built = join(out, file.path);
    if (!(await Bun.file(built).exists()) || (await sha256OfFile(built)) !== file.sha256) {
      throw new WeightsError(
        `The recipe ${file.recipe} made another ${file.path} than the lock file says`,
        {
          blame: "machine",
          retryable: false,
          remedy: `Please report it with the Python version and processor. The work is kept in ${workDir}.`,
        },
      );
    }
    await putInPlace(built, join(dir, file.path));
  }
}

async function putInPlace(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
}
