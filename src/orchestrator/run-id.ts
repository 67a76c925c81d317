import { randomBytes } from "node:crypto";

/** A run's name: its start in UTC and chance, for example `20260102T030405Z-ab12cd`. */
export function newRunId(now: Date = new Date()): string {
  const stamp = now
    .toISOString()
    .replace(/[-:]/g, "")
    .replace(/\.\d+Z$/, "Z");
  return `${stamp}-${randomBytes(3).toString("hex")}`;
}

/** A process's name within its run: 16 hex digits, fit for a file name. */
export function newInstanceId(): string {
  return randomBytes(8).toString("hex");
}
