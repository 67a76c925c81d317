import { readFileSync } from "node:fs";

/** What the kernel says about a process (proc(5), `/proc/<pid>/stat`). */
export interface ProcStat {
  /** Of its main thread: `R` on a core or waiting for one, `S` asleep, `D` in the disk, `T` stopped. */
  readonly state: string;
  /** Ticks since boot at which it began. */
  readonly startTicks: string;
}

/** Undefined when there is no such process, or it has ended and only waits to be counted. */
export function readProcStat(pid: number): ProcStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the program's name in parentheses and may itself hold blanks and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state = "X"] = fields;
    const startTicks = fields[19];
    return state === "Z" || state === "X" || startTicks === undefined
      ? undefined
      : { state, startTicks };
  } catch {
    return undefined;
  }
}

/** True when a process would go on if the machine let it: it is busy or starved, not stuck. */
export function isRunnable(pid: number): boolean {
  const state = readProcStat(pid)?.state;
  return state === "R" || state === "D";
}
