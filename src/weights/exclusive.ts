import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WeightsError } from "./weights-error.ts";

const claimName = "owner.pid";

/** The right to be the only one that works in a folder. */
export interface FolderClaim {
  release(): Promise<void>;
}

/**
 * Claims a folder for this process. A claim whose process has ended is taken over: the claim holds the
 * process's start time beside its number, since numbers come back.
 * @throws WeightsError (blame `caller`, retryable) naming the process that holds it
 */
export async function claimFolder(folder: string): Promise<FolderClaim> {
  const path = join(folder, claimName);
  const mine = `${process.pid} ${await startTimeOf(process.pid)}`;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      await writeFile(path, mine, { flag: "wx" });
      return { release: () => rm(path, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const [pid, startTime] = (await readFile(path, "utf8").catch(() => "")).split(" ");
    if (startTime !== undefined && (await startTimeOf(Number(pid))) === startTime) {
      throw new WeightsError(`Process ${pid} is already at work in ${folder}`, {
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

/**
 * When a process started, in clock ticks since the machine's start; undefined where it has ended, also
 * when nobody has asked for its exit status yet.
 */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The second field is the name in parentheses and may hold anything; the state comes after it.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === undefined || state === "" || state === "Z" ? undefined : fields[18];
}
