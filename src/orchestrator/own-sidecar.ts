import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { EndpointSetting } from "../sts/endpoint.ts";
import { Backoff } from "../process/backoff.ts";
import { BunChild } from "../process/bun-child.ts";
import { describeExit } from "../process/exit.ts";
import type { Logger } from "../telemetry/log.ts";

export interface OwnSidecarOptions {
  /** Runs `livedub-sts`; ` serve` is added. */
  readonly command: readonly string[];
  readonly port: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  readonly childSpawned: (pid: number, name: string) => void;
  readonly childGone: (pid: number) => void;
}

/** The edge's own secrets are no business of the sidecar. */
const keptBack = [
  "LIVEDUB_PUBLISH_KEYS",
  "LIVEDUB_HOOK_SECRET",
  "LIVEDUB_API_TOKEN",
  "EGRESS_RULES_JSON",
];
/** A run this long counts as a success: the next failure restarts at once. */
const stableAfterMs = 60_000;

/**
 * The sidecar that stands beside us, as our child on a free loopback port, with a key of this run.
 * Restarted with backoff for ever: streams play their fallback meanwhile.
 */
export class OwnSidecar {
  readonly endpoint: EndpointSetting;
  #key = randomBytes(24).toString("base64url");
  #child: BunChild<unknown, never> | undefined;
  #backoff = new Backoff({ firstMs: 500, capMs: 30_000, jitter: 0.1 });
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closing = false;

  constructor(readonly options: OwnSidecarOptions) {
    this.endpoint = { url: `http://127.0.0.1:${options.port}`, key: this.#key };
  }

  /** Starts it; its models take seconds to load, which `/health` tells. */
  start(): void {
    try {
      this.#spawn();
    } catch (error) {
      // Its file is just being replaced, or the machine has no room for a process now.
      this.#startLater("error", `could not be started (${(error as Error).message})`);
    }
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** From now on its end is no news: Ctrl-C at a terminal reaches it as well as us. */
  expectEnd(): void {
    this.#closing = true;
    clearTimeout(this.#timer);
  }

  async close(): Promise<void> {
    this.expectEnd();
    await this.#child?.stop();
  }

  kill(): void {
    this.expectEnd();
    this.#child?.signal("SIGKILL");
  }

  #spawn(): void {
    const { options } = this;
    const startedAt = performance.now();
    const child = new BunChild<unknown, never>({
      name: "sidecar",
      command: [...options.command, "serve"],
      env: this.#environment(),
      incoming: z.unknown(),
      onMessage: () => {},
    });
    this.#child = child;
    options.childSpawned(child.pid, "sidecar");
    void child.exited.then((exit) => {
      options.childGone(child.pid);
      if (this.#closing) return;
      if (performance.now() - startedAt > stableAfterMs) this.#backoff.reset();
      // Code 0: somebody else asked it to end, most likely whoever is stopping us all.
      this.#startLater(exit.code === 0 ? "info" : "error", `ended (${describeExit(exit)})`);
    });
  }

  #startLater(level: "info" | "error", what: string): void {
    const delayMs = this.#backoff.next();
    this.options.log[level](
      { event: "sidecar.died", delayMs },
      `the sidecar ${what}; streams play their fallback until it is back ` +
        "(livedub-sts doctor tells what is wrong when it does not come back)",
    );
    this.#timer = setTimeout(() => this.start(), delayMs);
  }

  #environment(): Record<string, string | undefined> {
    const environment: Record<string, string | undefined> = { ...this.options.environment };
    for (const name of keptBack) {
      delete environment[name];
      delete environment[`${name}_FILE`];
    }
    return {
      ...environment,
      STS_HOST: "127.0.0.1",
      STS_PORT: String(this.options.port),
      STS_API_KEY: this.#key,
    };
  }
}
