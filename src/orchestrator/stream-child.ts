import type { z } from "zod";
import { BunChild } from "../process/bun-child.ts";
import type { ExitInfo } from "../process/exit.ts";
import { selfCommand } from "../process/self.ts";
import { Heartbeat } from "./heartbeat.ts";
import { isRunnable } from "../process/proc-stat.ts";

/** The event that relays and workers alike may tell; we tell the same way what we find out about them. */
export interface StreamChildEvent {
  readonly type: "event";
  readonly level: "info" | "warn" | "error";
  readonly code: string;
  readonly message: string;
}

export interface StreamChildOptions<Incoming, Outgoing> {
  readonly kind: "relay" | "worker";
  readonly streamId: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly incoming: z.ZodType<Incoming>;
  /** Sent at once: everything that the process needs to know. */
  readonly configure: Outgoing;
  readonly startWithinMs: number;
  /** After its first sign of life, a silence this long means that it hangs; it is then killed. */
  readonly silentAfterMs: number;
  readonly isSignOfLife: (message: Incoming) => boolean;
  readonly onMessage: (message: Incoming) => void;
  readonly onEvent: (event: StreamChildEvent) => void;
  /** The last that is heard of it. */
  readonly onExit: (exit: ExitInfo) => void;
}

/** It is asked to end and has this long; then the stop ladder goes on with signals. */
const askedWithinMs = 2500;

/** One process of a stream: configured over its channel, watched by what it says, stopped by its owner. */
export class StreamChild<Incoming extends { readonly type: string }, Outgoing> {
  readonly pid: number;
  readonly exited: Promise<ExitInfo>;
  #child: BunChild<Incoming, Outgoing | { readonly type: "stop" }>;
  #heartbeat: Heartbeat;

  /** @throws {Error} when the machine has no room for another process */
  constructor(readonly options: StreamChildOptions<Incoming, Outgoing>) {
    const { kind, streamId } = options;
    this.#child = new BunChild<Incoming, Outgoing | { readonly type: "stop" }>({
      name: `${kind} ${streamId}`,
      // The stream's name is for whoever lists processes; everything else goes through the channel.
      command: selfCommand("livedub", kind, streamId),
      env: options.environment,
      incoming: options.incoming,
      onMessage: (message) => this.#receive(message),
      onBadMessage: (problem) =>
        this.#fault("bad-message", `the ${kind} said something unknown: ${problem.slice(0, 300)}`),
    });
    this.pid = this.#child.pid;
    this.#heartbeat = new Heartbeat({
      startWithinMs: options.startWithinMs,
      silentAfterMs: options.silentAfterMs,
      isBusy: () => isRunnable(this.pid),
      onSilent: () => this.#hung(),
    });
    this.exited = this.#child.exited;
    void this.exited.then((exit) => {
      this.#heartbeat.close();
      options.onExit(exit);
    });
    this.#child.send(options.configure);
  }

  /** Sends a message; false when the process is gone. */
  send(message: Outgoing): boolean {
    return this.#child.send(message);
  }

  /** Asks it to end, then makes it; bounded to a few seconds. */
  async stop(): Promise<void> {
    this.#heartbeat.close();
    await this.#child.stop({ message: { type: "stop" }, withinMs: askedWithinMs });
  }

  /** Ends it at once; its exit is told like any other. */
  kill(): void {
    this.#child.signal("SIGKILL");
  }

  #receive(message: Incoming): void {
    // What a process sent last may arrive after its exit: why it ended is news, that it was ready is not.
    if (this.#child.exit !== undefined && message.type !== "event") return;
    if (this.options.isSignOfLife(message)) this.#heartbeat.beat();
    this.options.onMessage(message);
  }

  #fault(code: string, message: string): void {
    this.options.onEvent({ type: "event", level: "error", code, message });
  }

  #hung(): void {
    const { kind } = this.options;
    this.#fault(`${kind}-hung`, `the ${kind} hangs: no sign of life; it is killed and replaced`);
    this.kill();
  }
}
