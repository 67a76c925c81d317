import type { ExitInfo } from "../process/exit.ts";
import type { ClauseReport } from "../protocol/clause-report.ts";
import {
  workerToSupervisor,
  type FragmentReport,
  type SupervisorToWorker,
  type WorkerSpec,
  type WorkerStatus,
  type WorkerToSupervisor,
} from "../protocol/supervisor.ts";
import { StreamChild, type StreamChildEvent } from "./stream-child.ts";

/** What the owner of a worker process is told. */
export interface WorkerParent {
  workerReady(): void;
  workerStatus(status: WorkerStatus): void;
  workerFragment(report: FragmentReport): void;
  workerClause(report: ClauseReport): void;
  workerEvent(event: StreamChildEvent): void;
  workerExited(exit: ExitInfo): void;
}

export interface WorkerChildOptions {
  readonly spec: WorkerSpec;
  readonly environment: Readonly<Record<string, string>>;
  readonly startWithinMs: number;
  readonly parent: WorkerParent;
}

/** Its status comes twice a second; with the restart this keeps a hung worker's replacement within 2 s. */
const silentAfterMs = 1500;

export type WorkerChild = StreamChild<WorkerToSupervisor, SupervisorToWorker>;

/** Starts one worker process; it holds nothing that is worth waiting for, so it may be killed at any time. */
export function startWorker(options: WorkerChildOptions): WorkerChild {
  const { spec, environment, startWithinMs, parent } = options;
  return new StreamChild<WorkerToSupervisor, SupervisorToWorker>({
    kind: "worker",
    streamId: spec.streamId,
    environment,
    incoming: workerToSupervisor,
    configure: { type: "configure", spec },
    startWithinMs,
    silentAfterMs,
    // `ready` is followed by loading models, so only a status starts the short limit.
    isSignOfLife: (message) => message.type === "status",
    onMessage: (message) => {
      if (message.type === "status") parent.workerStatus(message);
      else if (message.type === "ready") parent.workerReady();
      else if (message.type === "fragment") parent.workerFragment(message);
      else if (message.type === "clause") parent.workerClause(message);
      else parent.workerEvent(message);
    },
    onEvent: (event) => parent.workerEvent(event),
    onExit: (exit) => parent.workerExited(exit),
  });
}
