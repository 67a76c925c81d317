import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");

/** Builds both executables, as `bun run build` does. */
export async function buildExecutables(): Promise<void> {
  const child = Bun.spawn([process.execPath, "scripts/build.ts"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await child.exited) !== 0) throw new Error("the executables do not build");
}

/**
 * A machine with nothing on it: the two executables in a folder of their own, an empty HOME, and a PATH
 * that names an empty folder: no Bun, node, Python, Go or FFmpeg.
 */
export class BareMachine implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly env: Readonly<Record<string, string>>,
  ) {}

  static async make(settings: Readonly<Record<string, string>> = {}): Promise<BareMachine> {
    const folder = await mkdtemp(join(tmpdir(), "livedub-smoke-"));
    for (const name of ["home", "empty", "state"]) await mkdir(join(folder, name));
    for (const name of ["livedub", "livedub-sts"]) {
      await copyFile(join(root, "dist", name), join(folder, name));
    }
    const env = {
      HOME: join(folder, "home"),
      PATH: join(folder, "empty"),
      TMPDIR: folder,
      LOG_FORMAT: "json",
      ...settings,
    };
    return new BareMachine(folder, env);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Runs a command line to its end. */
  async run(...command: readonly string[]) {
    const child = Bun.spawn([...command], {
      cwd: this.folder,
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return { code: await child.exited, stdout, stderr };
  }

  /**
   * Starts a command line through a shell with nohup, as an operator does, and waits until the shell has
   * exited. @returns the process id, and the file with what it says
   */
  async runDetached(
    name: string,
    ...command: readonly string[]
  ): Promise<{ pid: number; log: string }> {
    const log = this.path(`${name}.log`);
    const script = 'log=$1; shift; /usr/bin/nohup "$@" >"$log" 2>&1 & echo $!';
    const { code, stdout, stderr } = await this.run("/bin/sh", "-c", script, "sh", log, ...command);
    if (code !== 0) throw new Error(`the shell ended with ${code}: ${stderr}`);
    return { pid: Number(stdout), log };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The first line of a JSON log that has all the given fields, waited for. */
export async function untilLogged(
  log: string,
  fields: Readonly<Record<string, string>>,
  withinMs: number,
): Promise<Readonly<Record<string, string>>> {
  const find = async () => {
    const text = await Bun.file(log)
      .text()
      .catch(() => "");
    for (const line of text.split("\n")) {
      if (!line.startsWith("{") || !line.endsWith("}")) continue;
      const entry = JSON.parse(line) as Record<string, string>;
      if (Object.entries(fields).every(([name, value]) => entry[name] === value)) return entry;
    }
    return undefined;
  };
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    const found = await find();
    if (found) return found;
    await Bun.sleep(50); // a watch begun after the look would miss what was written between the two
  }
  const file = Bun.file(log);
  const said = (await file.exists()) ? (await file.text()).slice(-2000) : "";
  throw new Error(`no ${JSON.stringify(fields)} within ${withinMs} ms; it said:\n${said}`);
}

/** Waits until a process that is not our child has ended. */
export async function untilGone(pid: number, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (isRunning(pid)) {
    if (performance.now() > deadline) throw new Error(`process ${pid} is still there`);
    await Bun.sleep(50); // the end of somebody else's child is no event that can be awaited
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
