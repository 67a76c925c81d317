import { join } from "node:path";
import { runProgram } from "./run-program.ts";
import { WeightsError } from "./weights-error.ts";

const candidates = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];
const remedy =
  "Install Python 3.11 to 3.14 with pip and venv (Debian, Ubuntu: apt-get install python3 python3-pip python3-venv).";

/** A Python interpreter that is new enough. */
export interface Python {
  readonly path: string;
  /** e.g. `3.11.7` */
  readonly version: string;
}

/**
 * Finds the first Python from 3.11 on in PATH.
 * @throws WeightsError (blame `machine`) that says what was found instead
 */
export async function findPython(): Promise<Python> {
  const tooOld: string[] = [];
  for (const name of candidates) {
    const path = Bun.which(name);
    if (!path) continue;
    const version = await pythonVersion(path);
    if (!version) continue;
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (major > 3 || (major === 3 && minor >= 11)) return { path, version };
    tooOld.push(`${path} is ${version}`);
  }
  const found = tooOld.length > 0 ? `too old (${tooOld.join(", ")})` : "not in PATH";
  throw new WeightsError(
    `Python is needed to make the weights from published packages, and it is ${found}`,
    {
      blame: "machine",
      retryable: false,
      remedy,
    },
  );
}

async function pythonVersion(path: string): Promise<string | undefined> {
  const child = Bun.spawn([path, "-c", "import platform; print(platform.python_version())"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const version = (await new Response(child.stdout).text()).trim();
  return (await child.exited) === 0 && /^\d+\.\d+\.\d+/.test(version) ? version : undefined;
}

/**
 * The command that runs pip: the interpreter's own, or that of a virtual environment made in `workDir`
 * where the system's Python comes without pip (as Debian's does).
 */
export async function pipCommand(python: Python, workDir: string): Promise<readonly string[]> {
  const probe = Bun.spawn([python.path, "-m", "pip", "--version"], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  if ((await probe.exited) === 0) return [python.path, "-m", "pip"];
  const environment = join(workDir, "venv");
  await runProgram([python.path, "-m", "venv", environment], {
    cwd: workDir,
    purpose: "make a virtual environment for pip",
    remedy,
    blame: "machine",
  });
  return [join(environment, "bin", "python"), "-m", "pip"];
}
