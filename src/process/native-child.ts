import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { ChildStartError, type ExitInfo } from "./exit.ts";
import { endWithin } from "./stop-ladder.ts";

/** How a pipe beyond stdin, stdout and stderr is used; its number is 3 plus its index. */
export type ExtraPipe = "pipe";

export interface NativeChildOptions {
  /** Name for logs and errors, for example `ffmpeg pull`. */
  readonly name: string;
  /** Program (absolute, or found on PATH) and arguments; no shell is ever involved. */
  readonly command: readonly string[];
  readonly env?: Record<string, string | undefined>;
  readonly cwd?: string;
  readonly stdin?: "ignore" | "pipe";
  readonly stdout?: "ignore" | "pipe";
  /** stderr is read line by line when given, else discarded. */
  readonly onStderrLine?: (line: string) => void;
  readonly extraPipes?: readonly ExtraPipe[];
  /** SIGTERM is given this long before SIGKILL. Default 3000. */
  readonly terminateWithinMs?: number;
}

const setprivPath = Bun.which("setpriv");
/** A line of a child's stderr longer than this is cut: a child may print binary rubbish. */
const longestLine = 4096;
const keptLines = 20;

/**
 * One native program (FFmpeg, MediaMTX) as our child: it dies with us (`setpriv --pdeathsig` where the
 * system has it), its stderr is kept for the error it may cause, and it has one owner who stops it.
 */
export class NativeChild implements AsyncDisposable {
  readonly pid: number;
  readonly exited: Promise<ExitInfo>;
  /** Settles after {@link exited}, when the last of its output has been read too: then stderr tells why. */
  readonly drained: Promise<ExitInfo>;
  #process: ChildProcess;
  #stopping = false;
  #exit: ExitInfo | undefined;
  #lastLines: string[] = [];
  #terminateWithinMs: number;

  private constructor(
    readonly name: string,
    child: ChildProcess,
    options: NativeChildOptions,
  ) {
    this.#process = child;
    this.pid = child.pid ?? -1;
    this.#terminateWithinMs = options.terminateWithinMs ?? 3000;
    this.exited = once(child, "exit").then(([code, signal]) => {
      this.#exit = {
        code: code as number | null,
        signal: signal as NodeJS.Signals | null,
        byUs: this.#stopping,
      };
      return this.#exit;
    });
    const closed = once(child, "close");
    this.drained = closed.then(() => this.exited);
    if (child.stderr) this.#readStderr(child.stderr, options.onStderrLine);
    // A pipe to a dead child raises EPIPE on the stream; the exit is what tells, so it is not an error here.
    for (const stream of child.stdio) stream?.on("error", () => {});
  }

  /**
   * Starts the program.
   * @throws {ChildStartError} `not-found` when it cannot be executed
   */
  static async start(options: NativeChildOptions): Promise<NativeChild> {
    const [program, ...args] = options.command;
    if (program === undefined)
      throw new ChildStartError(options.name, "not-found", "empty command");
    const resolved = program.includes("/") ? program : Bun.which(program);
    if (resolved === null)
      throw new ChildStartError(options.name, "not-found", `${program} is not on PATH`);
    const argv = setprivPath
      ? [setprivPath, "--pdeathsig", "KILL", "--", resolved, ...args]
      : [resolved, ...args];
    const child = spawn(argv[0] ?? resolved, argv.slice(1), {
      stdio: [
        options.stdin ?? "ignore",
        options.stdout ?? "ignore",
        "pipe",
        ...(options.extraPipes ?? []),
      ],
      env: options.env ?? process.env,
      // A group of its own: Ctrl-C at a terminal is ours to handle, in order, and must not reach FFmpeg first.
      detached: true,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const failed = once(child, "error").then(([error]) => error as Error);
    const spawned = once(child, "spawn").then(() => undefined);
    failed.catch(() => {});
    spawned.catch(() => {});
    const problem = await Promise.race([failed, spawned]);
    if (problem !== undefined)
      throw new ChildStartError(options.name, "not-found", `${resolved}: ${problem.message}`);
    return new NativeChild(options.name, child, options);
  }

  get exit(): ExitInfo | undefined {
    return this.#exit;
  }

  /** The last lines of stderr, newest last: the detail of an error. */
  get lastStderr(): string {
    return this.#lastLines.join("\n");
  }

  get stdin(): Writable | null {
    return this.#process.stdin;
  }

  get stdout(): Readable | null {
    return this.#process.stdout;
  }

  /** A pipe that the child reads from, by its number (3 and up). */
  writable(fd: number): Writable {
    return this.#process.stdio[fd] as Writable;
  }

  /** A pipe that the child writes to, by its number (3 and up). */
  readable(fd: number): Readable {
    return this.#process.stdio[fd] as Readable;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#process.kill(signal);
  }

  /** Stops the child: `ask` (when given) first, then SIGTERM, then SIGKILL; waits no longer than that. Safe to call twice. */
  async stop(ask?: { act: () => void; withinMs: number }): Promise<ExitInfo> {
    this.#stopping = true;
    return endWithin(this.exited, [
      ...(ask ? [ask] : []),
      { act: () => this.signal("SIGTERM"), withinMs: this.#terminateWithinMs },
      { act: () => this.signal("SIGKILL"), withinMs: 2000 },
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #readStderr(stream: Readable, onLine: ((line: string) => void) | undefined): void {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      const lines = (rest + text).split(/\r?\n|\r/);
      rest = (lines.pop() ?? "").slice(-longestLine);
      for (const line of lines) {
        if (line === "") continue;
        const cut = line.slice(0, longestLine);
        this.#lastLines.push(cut);
        if (this.#lastLines.length > keptLines) this.#lastLines.shift();
        onLine?.(cut);
      }
    });
  }
}
