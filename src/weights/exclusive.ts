import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WeightsError } from "./weights-error.ts";

const claimName = "owner.pid";

/** The right to be the only one that works in a folder. */
export interface FolderClaim {
  release(): Promise<void>;
}

/**
 * Claims a folder for this process. A claim whose process no longer lives is taken over.
 * @throws WeightsError (blame `caller`, retryable) naming the process that holds it
 */
export async function claimFolder(folder: string): Promise<FolderClaim> {
  const path = join(folder, claimName);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      await writeFile(path, String(process.pid), { flag: "wx" });
      return { release: () => rm(path, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const owner = Number(await readFile(path, "utf8").catch(() => ""));
    if (owner > 0 && isAlive(owner)) {
      throw new WeightsError(`Process ${owner} is already at work in ${folder}`, {
        blame: "caller",
        retryable: true,
        remedy: "Wait until it has finished and run it again.",
      });
    }
    await rm(path, { force: true });
  }
  throw new WeightsError(`Cannot claim ${folder}: others keep claiming it`, {
    blame: "caller",
    retryable: true,
    remedy: "Run one pull at a time.",
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
