import { chmod, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { ConfigError } from "../config/setting.ts";
import { Backoff } from "../process/backoff.ts";
import { describeExit } from "../process/exit.ts";
import { NativeChild } from "../process/native-child.ts";
import { raceReady } from "../process/race-ready.ts";
import type { Logger } from "../telemetry/log.ts";
import { ControlApi } from "./control-api.ts";
import { formatAddress, reachableFromHere } from "./listen-address.ts";
import { readLogLine } from "./log-line.ts";
import { hookEnvironment, serverConfig, type ServerConfigOptions } from "./server-config.ts";

export interface MediaServerOptions {
  readonly binaryPath: string;
  /** Where the generated configuration is written, with mode 0600. */
  readonly configPath: string;
  readonly config: Omit<ServerConfigOptions, "hookWords">;
  /** With which we call its control API; whoever answers `config.authUrl` knows it too. */
  readonly controlSecret: string;
  /** What the hooks run, without the event's word: program and arguments. */
  readonly hookCommand: readonly string[];
  /** Further environment of the hooks: where we listen, and the hook secret. */
  readonly hookEnvironment: Readonly<Record<string, string>>;
  readonly log: Logger;
  /** Told of each process that comes and goes, so that leftovers can be reaped. */
  readonly parent: MediaServerParent;
}

export interface MediaServerParent {
  mediaServerSpawned(pid: number): void;
  mediaServerGone(pid: number): void;
  /** The control API answers (again). */
  mediaServerUp(): void;
}

/** An answer takes milliseconds; a loaded machine may need seconds. */
const readyWithinMs = 15_000;
/** How often the API is tried while MediaMTX starts; it offers no other sign of being ready. */
const probeEveryMs = 40;
/** A run this long counts as a success: the next failure restarts at once. */
const stableAfterMs = 30_000;
/** Passed on to MediaMTX and its hooks; everything else, our secrets among it, stays here. */
const inheritedVariables = ["PATH", "HOME", "TMPDIR", "TZ", "LANG"];

/** Our own MediaMTX: started, watched, restarted with backoff when it dies, and stopped. */
export class MediaServer implements AsyncDisposable {
  readonly api: ControlApi;
  #child: NativeChild | undefined;
  #closing = false;
  #restarts = 0;
  #backoff = new Backoff({ firstMs: 200, capMs: 10_000, jitter: 0.1 });
  #restartTimer: ReturnType<typeof setTimeout> | undefined;
  #lastLines: string[] = [];

  private constructor(readonly options: MediaServerOptions) {
    const address = formatAddress(reachableFromHere(options.config.api));
    this.api = new ControlApi(`http://${address}`, { secret: options.controlSecret });
  }

  /**
   * Writes the configuration and starts MediaMTX; resolves when its control API answers.
   * @throws {ConfigError} when the configuration cannot be written
   * @throws {ChildStartError} when it cannot be started, ends at once, or does not answer in time
   */
  static async start(options: MediaServerOptions): Promise<MediaServer> {
    const server = new MediaServer(options);
    const config = serverConfig({ ...options.config, hookWords: options.hookCommand.length });
    await writeConfig(options.configPath, `${config}\n`);
    try {
      await server.#launch();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** How often it had to be started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Stops MediaMTX within a few seconds; safe to call twice. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#restartTimer);
    await this.#child?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Ends it without asking; for the second signal, when nobody waits any more. */
  kill(): void {
    this.#closing = true;
    this.#child?.signal("SIGKILL");
  }

  async #launch(): Promise<void> {
    const { binaryPath, configPath, log, parent } = this.options;
    const startedAt = performance.now();
    const child = await NativeChild.start({
      name: "mediamtx",
      command: [binaryPath, configPath],
      env: this.#environment(),
      stdout: "pipe",
      onStderrLine: (line) => this.#say(line),
    });
    if (child.stdout)
      createInterface({ input: child.stdout }).on("line", (line) => this.#say(line));
    this.#child = child;
    if (this.#closing) this.kill(); // closed while it was being spawned
    parent.mediaServerSpawned(child.pid);
    void child.exited.then((exit) => {
      parent.mediaServerGone(child.pid);
      if (this.#closing || this.#child !== child) return;
      if (performance.now() - startedAt > stableAfterMs) this.#backoff.reset();
      log.error({ event: "mediamtx.died" }, `MediaMTX ended (${describeExit(exit)})`);
      this.#restartLater();
    });
    try {
      await raceReady({
        name: "mediamtx",
        ready: this.#apiAnswers(child),
        exited: child.exited,
        timeoutMs: readyWithinMs,
        detail: () => this.#lastLines.join("\n"),
      });
    } catch (error) {
      await child.stop();
      throw error;
    }
    parent.mediaServerUp();
  }

  #restartLater(): void {
    const delayMs = this.#backoff.next();
    this.#restartTimer = setTimeout(() => {
      this.#restarts += 1;
      const before = this.#child;
      this.#launch().catch((error: unknown) => {
        this.options.log.error({ event: "mediamtx.restart-failed" }, (error as Error).message);
        // A child that was spawned plans the next attempt itself, by its exit.
        if (this.#child === before && !this.#closing) this.#restartLater();
      });
    }, delayMs);
    this.options.log.warn({ event: "mediamtx.restart", delayMs }, "MediaMTX is started again");
  }

  async #apiAnswers(child: NativeChild): Promise<void> {
    for (;;) {
      if (child.exit !== undefined || this.#closing) return new Promise(() => {});
      try {
        await this.api.listPaths();
        return;
      } catch {
        await Bun.sleep(probeEveryMs);
      }
    }
  }

  #environment(): Record<string, string> {
    const inherited = inheritedVariables.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    return {
      ...Object.fromEntries(inherited),
      ...hookEnvironment(this.options.hookCommand),
      ...this.options.hookEnvironment,
    };
  }

  #say(line: string): void {
    const { level, message } = readLogLine(line);
    this.#lastLines.push(message);
    if (this.#lastLines.length > 10) this.#lastLines.shift();
    // Its every connection is news for MediaMTX, not for whoever runs livedub.
    this.options.log[level === "info" ? "debug" : level](message);
  }
}

/** The file holds the secret with which MediaMTX asks us. */
async function writeConfig(path: string, content: string): Promise<void> {
  try {
    await writeFile(path, content, { mode: 0o600 });
    await chmod(path, 0o600); // the mode above does not change a file that stood there before
  } catch (error) {
    const why = (error as Error).message;
    throw new ConfigError([
      `MEDIAMTX_CONFIG_PATH ${path}: cannot be written (${why}); name a file in a folder that is there`,
    ]);
  }
}
