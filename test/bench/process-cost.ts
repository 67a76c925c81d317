import { readFileSync } from "node:fs";

/** Ticks a second of the times in `/proc/<pid>/stat` (USER_HZ, 100 on every Linux that Bun runs on). */
const ticksPerSecond = 100;

/** CPU time that a process has used so far, in seconds; its own, without that of its children. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export interface ProcessMemory {
  /** Resident, what it shares with others counted in full. */
  readonly rssMb: number;
  /** What it shares divided by those it shares it with: sums over processes are true. */
  readonly pssMb: number;
}

/** A process's memory now (`/proc/<pid>/smaps_rollup`). */
export function memoryOf(pid: number): ProcessMemory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const mb = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? Number.NaN) / 1024;
  return { rssMb: mb("Rss"), pssMb: mb("Pss") };
}

/** The command line of a process, its words apart. */
export function commandLineOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
}
