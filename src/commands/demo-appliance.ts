import { createWriteStream, type WriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApplianceView } from "../orchestrator/appliance-view.ts";
import { NativeChild } from "../process/native-child.ts";
import { selfCommand } from "../process/self.ts";
import { describeExit } from "../process/exit.ts";

/** Ports that a user knows by heart; another free one is taken when somebody has them already. */
const usualPorts = { http: 8080, rtmp: 1935, hls: 8888, api: 9997, metrics: 9998 };
type Ports = typeof usualPorts;

const askEveryMs = 200;
const answerWithinMs = 2000;
const upWithinMs = 30_000;

/** The demo's appliance did not come up, or died; the message holds its last words. */
export class DemoError extends Error {
  override readonly name = "DemoError";
}

/**
 * `livedub serve` as the demo runs it: a child with a state folder of its own, on loopback, with open
 * publishing, and with the sidecar settings of the user's environment.
 */
export class DemoAppliance implements AsyncDisposable {
  #ended = false;

  private constructor(
    private readonly child: NativeChild,
    private readonly ports: Ports,
    private readonly stateDir: string,
    private readonly logFile: WriteStream,
    /** What serve logged, for whoever wants to know more. */
    readonly logPath: string,
  ) {
    void child.exited.then(() => (this.#ended = true));
  }

  /**
   * Starts serve and waits until it answers.
   * @throws {DemoError} when it does not come up
   */
  static async start(environment: NodeJS.ProcessEnv, target: string): Promise<DemoAppliance> {
    const ports = await choosePorts();
    const stateDir = await mkdtemp(join(tmpdir(), "livedub-demo-"));
    const logPath = join(stateDir, "serve.log");
    const logFile = createWriteStream(logPath, { mode: 0o600 });
    const child = await NativeChild.start({
      name: "livedub serve",
      command: selfCommand("livedub", "serve"),
      env: {
        ...environment,
        ...demoSettings(ports, stateDir, target),
        BUN_OPTIONS: "--no-orphans",
      },
      stdout: "pipe",
      onStderrLine: (line) => logFile.write(`${line}\n`),
      terminateWithinMs: 20_000,
    });
    child.stdout?.pipe(logFile);
    const appliance = new DemoAppliance(child, ports, stateDir, logFile, logPath);
    try {
      await appliance.until(() => true, upWithinMs, "answer on its HTTP port");
      return appliance;
    } catch (error) {
      await appliance[Symbol.asyncDispose]();
      throw error;
    }
  }

  get statusPage(): string {
    return `http://127.0.0.1:${this.ports.http}/`;
  }

  publishUrl(streamId: string): string {
    return `rtmp://127.0.0.1:${this.ports.rtmp}/live/${streamId}/in`;
  }

  /** @throws {DemoError} when serve has died; undefined when it does not answer just now */
  async view(): Promise<ApplianceView | undefined> {
    if (this.#ended) throw new DemoError(await this.#lastWords());
    try {
      const response = await fetch(`${this.statusPage}api/streams`, {
        signal: AbortSignal.timeout(answerWithinMs),
      });
      return response.ok ? ((await response.json()) as ApplianceView) : undefined;
    } catch {
      return undefined; // not up yet, or busy; the child's death is seen above
    }
  }

  /**
   * Asks until the view shows what is waited for.
   * @throws {DemoError} when serve dies or the time is up; `what` completes "livedub serve did not …"
   */
  async until(
    shows: (view: ApplianceView) => boolean,
    withinMs: number,
    what: string,
    signal?: AbortSignal,
  ): Promise<ApplianceView> {
    const endAt = performance.now() + withinMs;
    while (performance.now() < endAt) {
      signal?.throwIfAborted();
      const view = await this.view();
      if (view && shows(view)) return view;
      await Bun.sleep(askEveryMs);
    }
    throw new DemoError(
      `livedub serve did not ${what} within ${withinMs / 1000} s\n${await this.#tail()}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    await new Promise((resolve) => this.logFile.end(resolve));
    await rm(this.stateDir, { recursive: true, force: true });
  }

  async #lastWords(): Promise<string> {
    const exit = await this.child.exited;
    return `livedub serve ended (${describeExit(exit)})\n${await this.#tail()}`;
  }

  async #tail(): Promise<string> {
    const log = await Bun.file(this.logPath).text();
    return log.trim().split("\n").slice(-12).join("\n");
  }
}

/** Overrides of the user's environment: the demo must neither need nor touch an installation. */
function demoSettings(ports: Ports, stateDir: string, target: string): Record<string, string> {
  const on = (port: number) => `127.0.0.1:${port}`;
  return {
    ORCH_HTTP_ADDR: on(ports.http),
    MEDIAMTX_RTMP_ADDRESS: on(ports.rtmp),
    MEDIAMTX_HLS_ADDRESS: on(ports.hls),
    MEDIAMTX_API_ADDRESS: on(ports.api),
    MEDIAMTX_METRICS_ADDRESS: on(ports.metrics),
    ORCH_STATE_DIR: join(stateDir, "state"),
    WORKER_ASSETS_DIR: join(stateDir, "assets"),
    LIVEDUB_RECORD: "false",
    WORKER_TARGET_LANG: target,
    LIVEDUB_CONFIG: "",
    LIVEDUB_PUBLISH_KEYS: "",
    LIVEDUB_API_TOKEN: "",
    EGRESS_RULES_JSON: "",
    ORCH_GRACE_PERIOD: "2s",
    LOG_FORMAT: "text",
  };
}

async function choosePorts(): Promise<Ports> {
  const chosen = { ...usualPorts };
  const taken = new Set<number>();
  for (const name of Object.keys(chosen) as (keyof Ports)[]) {
    const usual = await listenOnce(usualPorts[name]);
    let port = usual ?? (await listenOnce(0));
    while (port !== undefined && taken.has(port)) port = await listenOnce(0);
    if (port === undefined) throw new DemoError("no free TCP port on 127.0.0.1");
    taken.add(port);
    chosen[name] = port;
  }
  return chosen;
}

/** The port that could be listened on just now (0 asks for any), undefined when it is taken. */
function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      const found = typeof address === "object" && address !== null ? address.port : undefined;
      server.close(() => resolve(found));
    });
  });
}
