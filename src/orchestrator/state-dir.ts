import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Linux keeps a Unix socket's path in 108 bytes, the closing zero among them (unix(7)). */
const longestSocketPath = 107;
const socketNameLength = "/0123456789abcdef.sock".length;

/** The state directory cannot be used; the message names the setting and the remedy. */
export class StateDirectoryError extends Error {
  override readonly name: string = "StateDirectoryError";
}

/**
 * Runs something that writes to the state directory.
 * @throws {StateDirectoryError} when it could not
 */
export function inStateDirectory<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof StateDirectoryError) throw error;
    throw new StateDirectoryError(
      `ORCH_STATE_DIR ${path}: cannot be written (${(error as Error).message}); name a folder that can`,
      { cause: error },
    );
  }
}

/**
 * Opens the directory that `serve` keeps its sockets, its generated configuration and its list of
 * children in, private to this user.
 *
 * @returns its absolute path
 * @throws {StateDirectoryError} when it cannot be made or written
 */
export function openStateDirectory(configured: string): string {
  const path = resolve(configured);
  return inStateDirectory(path, () => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
    accessSync(path, constants.W_OK | constants.X_OK);
    return path;
  });
}

/** Where relays listen for their workers. */
export interface SocketFolder {
  readonly path: string;
  /** Removes it with its sockets. */
  close(): void;
}

/**
 * Makes an empty, private folder for sockets, in the state directory, or elsewhere when that one's path
 * is too long for a socket's name. Sockets of an earlier run go, so the directory must be claimed first.
 */
export function openSocketFolder(stateDirectory: string): SocketFolder {
  const inside = join(stateDirectory, "sockets");
  const fits = Buffer.byteLength(inside) + socketNameLength <= longestSocketPath;
  if (fits) {
    rmSync(inside, { recursive: true, force: true });
    mkdirSync(inside, { mode: 0o700 });
  }
  const path = fits ? inside : mkdtempSync(join(tmpdir(), "livedub-"));
  return { path, close: () => rmSync(path, { recursive: true, force: true }) };
}
