import { readdirSync, readFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ApplianceView } from "../../../src/orchestrator/appliance-view.ts";
import type { ExitInfo } from "../../../src/process/exit.ts";
import { NativeChild } from "../../../src/process/native-child.ts";
import { selfCommand } from "../../../src/process/self.ts";
import { ffmpegPath, mediamtxPath } from "../../media/tools.ts";

/** One line of serve's log. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly event?: string;
  readonly [field: string]: unknown;
}

/** Where serve said that it listens. */
interface Addresses {
  readonly rtmp: string;
  readonly hls: string;
  readonly http: string;
}

/** `livedub serve` as a user runs it: a process of its own, on free ports, with a state directory of its own. */
export class ServeProcess implements AsyncDisposable {
  readonly log: LogLine[] = [];
  #waiting: { readonly matches: (line: LogLine) => boolean; resolve(line: LogLine): void }[] = [];
  #addresses: Addresses | undefined;

  private constructor(
    readonly child: NativeChild,
    readonly stateDir: string,
  ) {
    if (child.stdout)
      createInterface({ input: child.stdout }).on("line", (line) => this.#read(line));
  }

  /**
   * Starts serve and waits until encoders may publish. `settings` are its environment variables.
   * @param executable a compiled one; absent: from source
   */
  static async start(
    settings: Record<string, string> = {},
    executable?: string,
  ): Promise<ServeProcess> {
    const serve = await ServeProcess.spawn(settings, executable);
    const ready = serve.logged((line) => line.event === "serve.ready", 20_000);
    const ended = serve.child.exited.then(() => {
      throw new Error(`serve ended before it was ready\n${serve.child.lastStderr}`);
    });
    const line = await Promise.race([ready, ended]);
    serve.#addresses = line as unknown as Addresses;
    return serve;
  }

  /** Starts serve without waiting: for settings that it must refuse. */
  static async spawn(settings: Record<string, string>, executable?: string): Promise<ServeProcess> {
    const stateDir = mkdtempSync(join(tmpdir(), "livedub-serve-"));
    const child = await NativeChild.start({
      name: "livedub serve",
      command: executable ? [executable, "serve"] : selfCommand("livedub", "serve"),
      stdout: "pipe",
      env: {
        PATH: process.env["PATH"],
        PROF: process.env["PROF"],
        HOME: process.env["HOME"],
        LIVEDUB_CACHE_DIR: process.env["LIVEDUB_CACHE_DIR"],
        XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"],
        LIVEDUB_MODELS_DIR: process.env["LIVEDUB_MODELS_DIR"],
        FFMPEG_BIN: await ffmpegPath(),
        MEDIAMTX_BIN: mediamtxPath(),
        ORCH_STATE_DIR: stateDir,
        WORKER_ASSETS_DIR: join(stateDir, "assets"),
        ORCH_HTTP_ADDR: "127.0.0.1:0",
        MEDIAMTX_RTMP_ADDRESS: "127.0.0.1:0",
        MEDIAMTX_HLS_ADDRESS: "127.0.0.1:0",
        MEDIAMTX_API_ADDRESS: "127.0.0.1:0",
        MEDIAMTX_METRICS_ADDRESS: "127.0.0.1:0",
        WORKER_PLAYOUT_DELAY_MS: "1000",
        WORKER_STS_MODE: "passthrough",
        LOG_LEVEL: "debug",
        ...settings,
      },
      terminateWithinMs: 20_000,
    });
    return new ServeProcess(child, stateDir);
  }

  get addresses(): Addresses {
    if (this.#addresses === undefined) throw new Error("serve is not ready");
    return this.#addresses;
  }

  publishUrl(streamId: string, query = ""): string {
    return `${this.addresses.rtmp}/live/${streamId}/in${query}`;
  }

  watchUrl(streamId: string): string {
    return `${this.addresses.rtmp}/live/${streamId}/out`;
  }

  /** What `GET /api/streams` says now. */
  async view(): Promise<ApplianceView> {
    const response = await fetch(`${this.addresses.http}/api/streams`);
    return (await response.json()) as ApplianceView;
  }

  async stream(streamId: string): Promise<ApplianceView["streams"][number]> {
    const found = (await this.view()).streams.find((one) => one.streamId === streamId);
    if (found === undefined) throw new Error(`serve has no stream ${streamId}`);
    return found;
  }

  /** The next line of the log that matches, or one that was there already. */
  logged(matches: (line: LogLine) => boolean, withinMs = 15_000): Promise<LogLine> {
    const there = this.log.find(matches);
    if (there) return Promise.resolve(there);
    return this.nextLogged(matches, withinMs);
  }

  /** The next line of the log, from now on, that matches. */
  async nextLogged(matches: (line: LogLine) => boolean, withinMs = 15_000): Promise<LogLine> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const tail = () => this.log.slice(-15).map((line) => line.message);
      timer = setTimeout(
        () => reject(new Error(`not logged within ${withinMs} ms; last:\n${tail().join("\n")}`)),
        withinMs,
      );
    });
    const line = new Promise<LogLine>((resolve) => this.#waiting.push({ matches, resolve }));
    try {
      return await Promise.race([line, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next event of a stream, by its code. */
  nextEvent(event: string, withinMs?: number): Promise<LogLine> {
    return this.nextLogged((line) => line.event === event, withinMs);
  }

  /** Every process below serve, at any depth. */
  descendants(): number[] {
    return descendantsOf(this.child.pid);
  }

  /** The pid of a child, as serve noted it in its state directory: `mediamtx`, `sidecar`. */
  childNamed(name: string): number {
    const folder = join(this.stateDir, "children");
    for (const file of readdirSync(folder)) {
      const noted = JSON.parse(readFileSync(join(folder, file), "utf8")) as Record<string, unknown>;
      if (noted["name"] === name) return Number(noted["pid"]);
    }
    throw new Error(`serve noted no ${name}`);
  }

  async stop(): Promise<ExitInfo> {
    return this.child.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    rmSync(this.stateDir, { recursive: true, force: true });
  }

  #read(text: string): void {
    let line: LogLine;
    try {
      line = JSON.parse(text) as LogLine;
    } catch {
      return; // a child's own words
    }
    this.log.push(line);
    const told = this.#waiting.filter(({ matches }) => matches(line));
    this.#waiting = this.#waiting.filter((one) => !told.includes(one));
    for (const one of told) one.resolve(line);
  }
}

/** Every process below another, at any depth, from /proc. */
export function descendantsOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      parents.set(Number(name), Number(fields[1]));
    } catch {
      // it has just ended
    }
  }
  const found: number[] = [];
  const grow = (parent: number) => {
    for (const [pid, its] of parents) {
      if (its !== parent) continue;
      found.push(pid);
      grow(pid);
    }
  };
  grow(root);
  return found;
}

/** True when a process is there and is no zombie. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !["Z", "X"].includes(stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3));
  } catch {
    return false;
  }
}

/** Waits until a condition holds that nobody announces. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
  what: string,
): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < withinMs) {
    if (await condition()) return performance.now() - startedAt;
    await Bun.sleep(25);
  }
  throw new Error(`not within ${withinMs} ms: ${what}`);
}
