import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Linux keeps a Unix socket's path in 108 bytes, the closing zero among them (unix(7)). */
const longestSocketPath = 107;
const socketNameLength = "/0123456789abcdef.sock".length;

/** The directory that `serve` keeps its sockets, its generated configuration and its list of children in. */
export interface StateDirectory {
  readonly path: string;
  /** Sockets between relays and workers; elsewhere when `path` is too long for a socket's name. */
  readonly socketFolder: string;
  /** Removes the sockets. */
  close(): void;
}

/**
 * Opens the state directory, private to this user; sockets of an earlier run are removed.
 * @throws {Error} naming `ORCH_STATE_DIR` when it cannot be made or written
 */
export function openStateDirectory(configured: string): StateDirectory {
  const path = resolve(configured);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
    const inside = join(path, "sockets");
    const fits = Buffer.byteLength(inside) + socketNameLength <= longestSocketPath;
    if (fits) {
      rmSync(inside, { recursive: true, force: true });
      mkdirSync(inside, { mode: 0o700 });
    }
    const socketFolder = fits ? inside : mkdtempSync(join(tmpdir(), "livedub-"));
    return {
      path,
      socketFolder,
      close: () => rmSync(socketFolder, { recursive: true, force: true }),
    };
  } catch (error) {
    throw new Error(
      `ORCH_STATE_DIR ${path}: cannot be written (${(error as Error).message}); name a folder that can`,
      { cause: error },
    );
  }
}
