import { readdir, rmdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { artefactName, unfinishedPrefix } from "./fragment-files.ts";

const hourMs = 3_600_000;
/** Writing one fragment takes far less: an unfinished folder as old as this is left over from a crash. */
const unfinishedForMs = hourMs;

export interface RetentionLimits {
  readonly hours: number;
  /** Fragments of one stream. */
  readonly count: number;
}

/**
 * Deletes what is older than the limit, then the oldest of each stream above its number (contract 8.2). Only folders
 * that hold nothing but files of ours are touched: a path set to somebody's home costs nobody a file.
 *
 * @param nowMs Unix time
 * @returns how many fragments were deleted
 * @throws what the file system says, when the root cannot be read
 */
export async function applyRetention(
  root: string,
  limits: RetentionLimits,
  nowMs: number,
): Promise<number> {
  let deleted = 0;
  for (const stream of await foldersIn(root)) {
    const streamDir = join(root, stream);
    const fragments = await fragmentsIn(streamDir);
    const isExpired = ({ name, writtenMs }: FragmentFolder) =>
      nowMs - writtenMs >
      (name.startsWith(unfinishedPrefix) ? unfinishedForMs : limits.hours * hourMs);
    const kept = fragments.filter(
      (folder) => !isExpired(folder) && !folder.name.startsWith(unfinishedPrefix),
    );
    const surplus = kept.slice(0, Math.max(0, kept.length - limits.count));
    for (const { name } of [...fragments.filter(isExpired), ...surplus])
      if (await deleteFragment(join(streamDir, name))) deleted++;
    if (deleted > 0) await rmdir(streamDir).catch(() => {}); // stays where something is left in it
  }
  return deleted;
}

interface FragmentFolder {
  readonly name: string;
  readonly writtenMs: number;
}

/** Oldest first. */
async function fragmentsIn(streamDir: string): Promise<readonly FragmentFolder[]> {
  const found: FragmentFolder[] = [];
  for (const name of await foldersIn(streamDir)) {
    const info = await stat(join(streamDir, name)).catch(() => undefined); // replaced meanwhile
    if (info !== undefined) found.push({ name, writtenMs: info.mtimeMs });
  }
  return found.toSorted((a, b) => a.writtenMs - b.writtenMs || a.name.localeCompare(b.name));
}

/** Real folders only: links are not followed. */
async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function deleteFragment(path: string): Promise<boolean> {
  const isUnfinished = path.includes(`/${unfinishedPrefix}`);
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const isOurs = entries.every((entry) => entry.isFile() && artefactName.test(entry.name));
  const isWhole = entries.some((entry) => entry.name === "metadata.json");
  if (!isOurs || (!isWhole && !isUnfinished)) return false;
  for (const entry of entries) await unlink(join(path, entry.name));
  await rmdir(path);
  return true;
}
