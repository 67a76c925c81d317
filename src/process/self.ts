import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** Set by the build (`--define LIVEDUB_COMPILED=true`); absent when running from source. */
declare const LIVEDUB_COMPILED: boolean;

/** The two executables of this project. */
export type Executable = "livedub" | "livedub-sts";

/** True inside an executable made by `bun build --compile`. */
const isCompiled = typeof LIVEDUB_COMPILED !== "undefined" && LIVEDUB_COMPILED;

const sourceEntries: Record<Executable, string> = {
  livedub: join(import.meta.dir, "..", "main.ts"),
  "livedub-sts": join(import.meta.dir, "..", "..", "gpu", "main.ts"),
};

/**
 * The command line that runs one of our executables as a child.
 *
 * Compiled, `livedub` runs itself and finds `livedub-sts` beside it (and the other way round);
 * from source both run through the Bun that runs us. `Bun.main` is never asked: under `bun test`
 * it is the test file.
 *
 * @returns argv, or `undefined` when the other executable does not stand beside this one
 */
export function executableCommand(name: Executable, self: Executable): string[] | undefined {
  if (!isCompiled) return [process.execPath, sourceEntries[name]];
  if (name === self) return [process.execPath];
  const beside = join(dirname(process.execPath), name);
  return existsSync(beside) ? [beside] : undefined;
}

/** The command line that runs this same executable with other arguments. */
export function selfCommand(self: Executable, ...args: string[]): string[] {
  const command = executableCommand(self, self);
  if (command === undefined) throw new Error(`${self} cannot find itself`);
  return [...command, ...args];
}
