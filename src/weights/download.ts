import { open, rename, rm, stat } from "node:fs/promises";
import { digestOfFile } from "./sha256.ts";
import { WeightsError } from "./weights-error.ts";

/** A file to fetch, and how to know that it is the right one. */
export interface Download {
  readonly url: string;
  /** Expected size in bytes, where known. */
  readonly bytes?: number;
  readonly digest: {
    readonly algorithm: "sha256" | "sha512";
    readonly encoding: "hex" | "base64";
    readonly value: string;
  };
}

const stalledAfterMs = 60_000;

/**
 * Fetches a file to `path`: resumes what an interrupted call left (`path.part`, by HTTP range), checks the
 * digest, and only then gives the file its name. A file that is already there and right is not fetched.
 * @param onBytes gets the bytes present so far and the total where known
 * @throws WeightsError (blame `network`, retryable) when the server fails, stalls for a minute or sends other content
 */
export async function download(
  source: Download,
  path: string,
  onBytes?: (doneBytes: number, totalBytes: number | undefined) => void,
): Promise<void> {
  if (await matches(path, source)) return;
  const part = `${path}.part`;
  await fetchInto(part, source, onBytes);
  if (!(await matches(part, source))) {
    await rm(part, { force: true });
    throw new WeightsError(
      `${shown(source.url)} sent another content than the pinned digest says`,
      {
        blame: "network",
        retryable: true,
        remedy: "Try again; if it stays so, a proxy or mirror alters the file.",
      },
    );
  }
  await rename(part, path);
}

async function matches(path: string, { bytes, digest }: Download): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  if (!status?.isFile() || (bytes !== undefined && status.size !== bytes)) return false;
  return (await digestOfFile(path, digest.algorithm, digest.encoding)) === digest.value;
}

async function fetchInto(
  part: string,
  source: Download,
  onBytes?: (doneBytes: number, totalBytes: number | undefined) => void,
): Promise<void> {
  let doneBytes = (await stat(part).catch(() => undefined))?.size ?? 0;
  if (doneBytes > 0 && doneBytes === source.bytes) return;
  const stalled = new AbortController();
  let watchdog = setTimeout(() => stalled.abort(), stalledAfterMs);
  try {
    const headers: Record<string, string> = doneBytes > 0 ? { range: `bytes=${doneBytes}-` } : {};
    const response = await fetch(source.url, { headers, signal: stalled.signal });
    if (response.status === 416) {
      await rm(part, { force: true }); // longer than the file: not a piece of it
      throw new Error("the server refused to resume; the piece is thrown away");
    }
    if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
    if (response.status !== 206) doneBytes = 0;
    const length = Number(response.headers.get("content-length"));
    const totalBytes = source.bytes ?? (length > 0 ? doneBytes + length : undefined);
    const file = await open(part, doneBytes > 0 ? "a" : "w");
    try {
      const body: AsyncIterable<Uint8Array> = response.body;
      for await (const piece of body) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => stalled.abort(), stalledAfterMs);
        doneBytes += piece.byteLength;
        if (source.bytes !== undefined && doneBytes > source.bytes) {
          throw new Error(`more than the expected ${source.bytes} bytes`);
        }
        await file.write(piece);
        onBytes?.(doneBytes, totalBytes);
      }
    } finally {
      await file.close();
    }
    if (source.bytes !== undefined && doneBytes < source.bytes) {
      throw new Error(`the connection ended after ${doneBytes} of ${source.bytes} bytes`);
    }
  } catch (cause) {
    throw fetchFailure(source.url, cause, stalled.signal.aborted);
  } finally {
    clearTimeout(watchdog);
  }
}

function fetchFailure(url: string, cause: unknown, stalled: boolean): WeightsError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOSPC" || code === "EACCES" || code === "EROFS") {
    return new WeightsError(`Cannot store ${shown(url)}: ${String(cause)}`, {
      blame: "machine",
      retryable: false,
      remedy: "Make room or choose another folder (LIVEDUB_MODELS_DIR, LIVEDUB_CACHE_DIR).",
      cause,
    });
  }
  const why = stalled ? `nothing arrived for ${stalledAfterMs / 1000} s` : String(cause);
  return new WeightsError(`Cannot fetch ${shown(url)}: ${why}`, {
    blame: "network",
    retryable: true,
    remedy: "Check the network or proxy settings and run it again: it goes on where it stopped.",
    cause,
  });
}

/** An address without credentials and query, fit for messages. */
function shown(url: string): string {
  const parsed = new URL(url);
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}
