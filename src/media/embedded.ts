import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { chmod, lstat, mkdir, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import { cacheRoot, type CacheEnvironment } from "../weights/cache-paths.ts";
import { embeddedFiles, type EmbeddedFile, type EmbeddedName } from "./embedded-files.ts";

const abandonedAfterMs = 10 * 60_000;

/** A file inside this executable cannot be extracted; the message names the folder and the remedy. */
export class ExtractionError extends Error {
  override readonly name = "ExtractionError";
}

/**
 * Extracts a file that this executable carries, once: into `embedded/<hash>/` of the cache, a folder
 * that nobody else can write to. The file appears by a rename, whole and checked, so that several
 * processes may do it at the same time.
 *
 * @param carried for tests; default: what the build has put in under that name
 * @returns the file's path, or undefined when there is none inside
 * @throws {ExtractionError} disk full, folder not writable or not ours, damaged executable
 */
export async function extractEmbedded(
  name: EmbeddedName,
  env: CacheEnvironment,
  carried: EmbeddedFile | undefined = embeddedFiles[name],
): Promise<string | undefined> {
  if (carried === undefined) return undefined;
  const folder = join(cacheRoot(env), "embedded", carried.sha256.slice(0, 16));
  const path = join(folder, name);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await requirePrivate(folder);
    const present = await stat(path).catch(() => undefined);
    if (present?.isFile() && present.size === carried.bytes) return path;
    await removeAbandoned(folder);
    await requireRoom(folder, carried.bytes);
    await extract(carried, name, path);
  } catch (cause) {
    if (cause instanceof ExtractionError) throw cause;
    throw new ExtractionError(
      `cannot extract ${name} into ${folder} (${carried.bytes} bytes): ${reason(cause)}. ` +
        "Make room there, or name another folder with LIVEDUB_CACHE_DIR",
      { cause },
    );
  }
  return path;
}

/** The FFmpeg inside this executable, extracted; undefined from source. Fits `resolveFfmpeg`. */
export function embeddedFfmpeg(): Promise<string | undefined> {
  return extractEmbedded("ffmpeg", process.env);
}

/** What is executed must not be replaceable by other users of the machine. */
async function requirePrivate(folder: string): Promise<void> {
  const status = await lstat(folder);
  const isOurs = status.isDirectory() && status.uid === process.getuid?.();
  if (isOurs && (status.mode & 0o022) === 0) return;
  throw new ExtractionError(
    `${folder} belongs to or can be written by somebody else, and programs are run from there. ` +
      "Remove it, or name another folder with LIVEDUB_CACHE_DIR",
  );
}

/** What extractions that were killed have left behind; those at work now are younger. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const status = name.endsWith(".part") ? await stat(path).catch(() => undefined) : undefined;
    if (status && Date.now() - status.mtimeMs > abandonedAfterMs) await rm(path, { force: true });
  }
}

async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  throw new ExtractionError(
    `the disk is full: ${bytes} bytes are needed in ${folder}, ${bavail * bsize} are free. ` +
      "Make room there, or name another folder with LIVEDUB_CACHE_DIR",
  );
}

async function extract(carried: EmbeddedFile, name: string, path: string): Promise<void> {
  const partial = `${path}.${randomBytes(6).toString("hex")}.part`;
  const hasher = new Bun.CryptoHasher("sha256");
  const digesting = new Transform({
    transform(piece: Uint8Array, _encoding, done) {
      hasher.update(piece);
      done(null, piece);
    },
  });
  try {
    const output = createWriteStream(partial, { mode: 0o700, flags: "wx" });
    await pipeline(Bun.file(carried.path).stream(), createZstdDecompress(), digesting, output);
    if (hasher.digest("hex") !== carried.sha256) {
      throw new ExtractionError(
        `the ${name} inside this executable is damaged: fetch the executable again`,
      );
    }
    await chmod(partial, 0o700);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return "code" in cause && cause.code === "ENOSPC" ? "the disk is full" : cause.message;
}
