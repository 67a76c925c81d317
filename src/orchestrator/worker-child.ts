import { BunChild } from "../process/bun-child.ts";
import type { ExitInfo } from "../process/exit.ts";
import { selfCommand } from "../process/self.ts";
import {
  workerToSupervisor,
  type FragmentReport,
  type SupervisorToWorker,
  type WorkerSpec,
  type WorkerStatus,
  type WorkerToSupervisor,
} from "../protocol/supervisor.ts";
import { Heartbeat } from "./heartbeat.ts";
import { isRunnable } from "./proc-stat.ts";

/** What the owner of a worker process is told. */
export interface WorkerParent {
  workerReady(): void;
  workerStatus(status: WorkerStatus): void;
  workerFragment(report: FragmentReport): void;
  workerEvent(event: Extract<WorkerToSupervisor, { type: "event" }>): void;
  workerExited(exit: ExitInfo): void;
}

export interface WorkerChildOptions {
  readonly spec: WorkerSpec;
  readonly environment: Readonly<Record<string, string>>;
  readonly startWithinMs: number;
  readonly parent: WorkerParent;
}

/** Its status comes every second; with the restart this keeps a hung worker's replacement within 2 s. */
const silentAfterMs = 1500;

/** One worker process: configured over its channel, watched by its status, stopped by its owner. */
export class WorkerChild {
  readonly pid: number;
  readonly exited: Promise<ExitInfo>;
  #child: BunChild<WorkerToSupervisor, SupervisorToWorker>;
  #heartbeat: Heartbeat;

  constructor(readonly options: WorkerChildOptions) {
    const { spec, parent } = options;
    this.#child = new BunChild<WorkerToSupervisor, SupervisorToWorker>({
      name: `worker ${spec.streamId}`,
      command: selfCommand("livedub", "worker", spec.streamId),
      env: options.environment,
      incoming: workerToSupervisor,
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
      parent.workerExited(exit);
    });
    this.#child.send({ type: "configure", spec });
  }

  /** Asks it to end, then makes it; bounded to a few seconds. */
  async stop(): Promise<void> {
    this.#heartbeat.close();
    await this.#child.stop({ message: { type: "stop" }, withinMs: 2500 });
  }

  /** Ends it at once: a worker holds nothing that is worth waiting for. */
  kill(): void {
    this.#child.signal("SIGKILL");
  }

  #receive(message: WorkerToSupervisor): void {
    const { parent } = this.options;
    // `ready` is followed by loading models, so only a status starts the short limit.
    if (message.type === "status") {
      this.#heartbeat.beat();
      parent.workerStatus(message);
    } else if (message.type === "ready") parent.workerReady();
    else if (message.type === "fragment") parent.workerFragment(message);
    else parent.workerEvent(message);
  }

  #badMessage(problem: string): void {
    const message = `the worker said something unknown: ${problem.slice(0, 300)}`;
    this.options.parent.workerEvent({
      type: "event",
      level: "error",
      code: "bad-message",
      message,
    });
  }

  #hung(): void {
    const message = "the worker hangs: no sign of life; it is killed and replaced";
    this.options.parent.workerEvent({
      type: "event",
      level: "error",
      code: "worker-hung",
      message,
    });
    this.kill();
  }
}
