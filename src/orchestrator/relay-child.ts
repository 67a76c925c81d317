import { BunChild } from "../process/bun-child.ts";
import type { ExitInfo } from "../process/exit.ts";
import { selfCommand } from "../process/self.ts";
import {
  relayToSupervisor,
  type RelaySpec,
  type RelayStatus,
  type RelayToSupervisor,
  type SupervisorToRelay,
} from "../protocol/supervisor.ts";
import { Heartbeat } from "./heartbeat.ts";
import { isRunnable } from "./proc-stat.ts";

/** What the owner of a relay process is told. */
export interface RelayParent {
  relayReady(): void;
  relayStatus(status: RelayStatus): void;
  relayAskedForPush(request: number, language: string): void;
  relayEvent(event: Extract<RelayToSupervisor, { type: "event" }>): void;
  relayExited(exit: ExitInfo): void;
}

export interface RelayChildOptions {
  readonly spec: RelaySpec;
  readonly environment: Readonly<Record<string, string>>;
  readonly startWithinMs: number;
  readonly parent: RelayParent;
}

/** Killing a relay costs D seconds of picture, so it gets more time than a worker before it counts as hung. */
const silentAfterMs = 4000;

/** One relay process: configured over its channel, watched by its status, stopped by its owner. */
export class RelayChild {
  readonly pid: number;
  readonly exited: Promise<ExitInfo>;
  #child: BunChild<RelayToSupervisor, SupervisorToRelay>;
  #heartbeat: Heartbeat;

  constructor(readonly options: RelayChildOptions) {
    const { spec, parent } = options;
    this.#child = new BunChild<RelayToSupervisor, SupervisorToRelay>({
      name: `relay ${spec.streamId}`,
      // The stream's name is for whoever lists processes; everything else goes through the channel.
      command: selfCommand("livedub", "relay", spec.streamId),
      env: options.environment,
      incoming: relayToSupervisor,
      onMessage: (message) => this.#receive(message),
      onBadMessage: (problem) => this.#badMessage(problem),
    });
    this.pid = this.#child.pid;
    this.#heartbeat = new Heartbeat({
      startWithinMs: options.startWithinMs,
      silentAfterMs,
      isBusy: () => isRunnable(this.pid),
      onSilent: () => this.#hung(),
    });
    this.exited = this.#child.exited;
    void this.exited.then((exit) => {
      this.#heartbeat.close();
      parent.relayExited(exit);
    });
    this.#child.send({ type: "configure", spec });
  }

  send(message: SupervisorToRelay): boolean {
    return this.#child.send(message);
  }

  /** Asks it to end, then makes it; bounded to a few seconds. */
  async stop(): Promise<void> {
    this.#heartbeat.close();
    await this.#child.stop({ message: { type: "stop" }, withinMs: 2500 });
  }

  kill(): void {
    this.#child.signal("SIGKILL");
  }

  #receive(message: RelayToSupervisor): void {
    const { parent } = this.options;
    this.#heartbeat.beat();
    if (message.type === "ready") parent.relayReady();
    else if (message.type === "status") parent.relayStatus(message);
    else if (message.type === "push-request")
      parent.relayAskedForPush(message.request, message.language);
    else parent.relayEvent(message);
  }

  #badMessage(problem: string): void {
    const message = `the relay said something unknown: ${problem.slice(0, 300)}`;
    this.options.parent.relayEvent({ type: "event", level: "error", code: "bad-message", message });
  }

  #hung(): void {
    const message = "the relay hangs: no sign of life; it is killed and replaced";
    this.options.parent.relayEvent({ type: "event", level: "error", code: "relay-hung", message });
    this.kill();
  }
}
