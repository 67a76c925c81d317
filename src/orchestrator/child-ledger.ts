import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readProcStat } from "../process/proc-stat.ts";
import { StateDirectoryError } from "./state-dir.ts";

const entrySchema = z.object({
  pid: z.number().int().min(2),
  /** Ticks since boot at which the process began: a pid may be given to another process, this pair may not. */
  startTicks: z.string(),
  bootId: z.string(),
  name: z.string(),
});
type Entry = z.infer<typeof entrySchema>;

/** How long a killed leftover may take to disappear; it holds ports until then. */
const goneWithinMs = 3000;

/** Another `serve` works in the same state directory. */
export class StateDirectoryBusyError extends StateDirectoryError {
  override readonly name = "StateDirectoryBusyError";
}

/**
 * Which processes we have started, on disk: what a `serve` that was killed left behind is ended by the
 * next one. Each process has a file of its own, so that a crash leaves no half-written list.
 */
export class ChildLedger {
  #folder: string;

  constructor(readonly stateDir: string) {
    this.#folder = join(stateDir, "children");
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** Notes a process; one that is gone already is not noted. */
  add(pid: number, name: string): void {
    const startTicks = readProcStat(pid)?.startTicks;
    if (startTicks === undefined) return;
    const entry: Entry = { pid, startTicks, bootId: bootId(), name };
    try {
      writeFileSync(join(this.#folder, `${pid}.json`), JSON.stringify(entry), { mode: 0o600 });
    } catch {
      // A full disk must not stop a stream; children end with us by the kernel's means as well.
    }
  }

  remove(pid: number): void {
    rmSync(join(this.#folder, `${pid}.json`), { force: true });
  }

  /**
   * Claims the directory for this process, as long as it lives.
   * @throws {StateDirectoryBusyError} when a living `serve` holds it
   */
  claim(): void {
    const path = join(this.stateDir, "serve.json");
    const holder = readEntry(path);
    if (holder !== undefined && holder.pid !== process.pid && isAlive(holder))
      throw new StateDirectoryBusyError(
        `ORCH_STATE_DIR ${this.stateDir}: another livedub serve (pid ${holder.pid}) works here; ` +
          `stop it, or give this one a state directory of its own`,
      );
    const startTicks = readProcStat(process.pid)?.startTicks ?? "";
    const entry: Entry = { pid: process.pid, startTicks, bootId: bootId(), name: "serve" };
    writeFileSync(path, JSON.stringify(entry), { mode: 0o600 });
  }

  /** Gives the directory back. */
  release(): void {
    rmSync(join(this.stateDir, "serve.json"), { force: true });
  }

  /**
   * Ends every process that an earlier `serve` noted and that still lives, and waits until they are gone.
   * @returns what was ended, as `name (pid)`
   */
  async reap(): Promise<string[]> {
    const leftovers: Entry[] = [];
    for (const file of readdirSync(this.#folder)) {
      const path = join(this.#folder, file);
      const entry = readEntry(path);
      rmSync(path, { force: true });
      if (entry !== undefined && isAlive(entry)) leftovers.push(entry);
    }
    for (const { pid } of leftovers) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // it went between the look and the kill, or belongs to another user and was never ours
      }
    }
    const until = performance.now() + goneWithinMs;
    // The kernel tells nobody but the parent of a process that it has gone, so this has to look.
    while (leftovers.some(isAlive) && performance.now() < until) await Bun.sleep(20);
    return leftovers.map(({ name, pid }) => `${name} (${pid})`);
  }
}

/** True when the very process of the entry lives: same boot, same pid, same start, and not a zombie. */
function isAlive(entry: Entry): boolean {
  return entry.bootId === bootId() && readProcStat(entry.pid)?.startTicks === entry.startTicks;
}

function readEntry(path: string): Entry | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(readFileSync(path, "utf8"))).data;
  } catch {
    return undefined; // absent, or cut off by the crash that left it
  }
}

let knownBootId: string | undefined;

function bootId(): string {
  if (knownBootId === undefined) {
    try {
      knownBootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    } catch {
      knownBootId = "unknown";
    }
  }
  return knownBootId;
}
