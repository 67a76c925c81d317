import { describeExit, type ExitInfo } from "../process/exit.ts";
import type { RelayStatus, SupervisorToRelay, WorkerStatus } from "../protocol/supervisor.ts";
import type { LifecycleEvent } from "./lifecycle.ts";
import { startRelay, type RelayChild } from "./relay-child.ts";
import { stableAfterMs } from "./restart-policy.ts";
import { newInstanceId, newRunId } from "./run-id.ts";
import { relaySpecOf, workerSpecOf } from "./session-specs.ts";
import type { ProcessEvent, SessionParent, StreamSession } from "./stream-session.ts";
import type { ProcessView } from "./stream-view.ts";
import { startWorker, type WorkerChild } from "./worker-child.ts";

interface Running<Child, Status> {
  readonly child: Child;
  readonly instanceId: string;
  /** Runs out when the process has lived long enough to count as well started. */
  readonly stable: ReturnType<typeof setTimeout>;
  status: Status | null;
}

/** What these processes tell the session that owns them. */
export interface ProcessesOwner {
  happened(event: LifecycleEvent): void;
  say(event: ProcessEvent): void;
}

/** The relay and the worker of one stream: starts them when told, knows how they are, ends them. */
export class StreamProcesses {
  #runId = newRunId();
  #relay: Running<RelayChild, RelayStatus> | undefined;
  #worker: Running<WorkerChild, WorkerStatus> | undefined;
  #relayStarts = 0;
  #workerDeaths = 0;

  constructor(
    private readonly session: StreamSession,
    private readonly parent: SessionParent,
    private readonly owner: ProcessesOwner,
  ) {}

  /** New with each relay. */
  get runId(): string {
    return this.#runId;
  }

  get relay(): ProcessView<RelayStatus> {
    return viewOf(this.#relay, Math.max(0, this.#relayStarts - 1));
  }

  get worker(): ProcessView<WorkerStatus> {
    return viewOf(this.#worker, this.#workerDeaths);
  }

  /** Starts the relay of a new run. */
  startRelay(): void {
    try {
      this.#spawnRelay();
    } catch (error) {
      this.#notStarted("relay", error);
    }
  }

  /** Starts a worker for the relay that runs; it connects to that relay's socket. */
  startWorker(): void {
    try {
      this.#spawnWorker();
    } catch (error) {
      this.#notStarted("worker", error);
    }
  }

  /** Ends the worker at once; its exit is told like any other. */
  endWorker(): void {
    this.#worker?.child.kill();
  }

  tellRelay(message: SupervisorToRelay): void {
    this.#relay?.child.send(message);
  }

  /** The dub first, the picture last; each bounded to a few seconds. */
  async stop(): Promise<void> {
    await this.#worker?.child.stop();
    await this.#relay?.child.stop();
  }

  /** Ends both without asking. */
  kill(): void {
    this.#worker?.child.kill();
    this.#relay?.child.kill();
  }

  #spawnRelay(): void {
    if (this.#relayStarts > 0) this.#runId = newRunId();
    this.#relayStarts += 1;
    const { session, parent, owner } = this;
    const { streamId, settings } = session;
    const instanceId = newInstanceId();
    const names = { streamId, runId: this.#runId, relayInstanceId: instanceId };
    const child = startRelay({
      spec: relaySpecOf(parent.common, names, settings, parent.inputUrl(streamId)),
      environment: parent.common.environment,
      startWithinMs: parent.startWithinMs,
      parent: {
        relayReady: () => owner.happened({ type: "relay-ready" }),
        relayStatus: (status) => {
          running.status = status;
          parent.relayMeasured(session, status);
          if (status.state === "live") owner.happened({ type: "relay-live" });
        },
        relayAskedForPush: ({ request, ...wanted }) => {
          void parent
            .pushUrl(streamId, wanted)
            .then((url) => child.send({ type: "push-url", request, url }));
        },
        relayEvent: (event) => this.#says("relay", event),
        relayExited: (exit) => this.#relayExited(running, exit),
      },
    });
    const stable = setTimeout(() => owner.happened({ type: "relay-stable" }), stableAfterMs);
    const running: Running<RelayChild, RelayStatus> = { child, instanceId, stable, status: null };
    this.#relay = running;
    parent.childSpawned(child.pid, `relay ${streamId}`);
  }

  #spawnWorker(): void {
    const relay = this.#relay;
    if (relay === undefined) return;
    const { session, parent, owner } = this;
    const { streamId, settings } = session;
    const instanceId = newInstanceId();
    const relayInstanceId = relay.instanceId;
    const names = { streamId, runId: this.#runId, relayInstanceId, instanceId };
    const child = startWorker({
      spec: workerSpecOf(parent.common, names, settings, parent.endpoints()),
      environment: parent.common.environment,
      startWithinMs: parent.startWithinMs,
      parent: {
        workerReady: () =>
          owner.say({ level: "info", code: "worker-ready", message: "the worker is ready" }),
        workerStatus: (status) => {
          running.status = status;
          parent.workerMeasured(session, status);
        },
        workerFragment: (report) => parent.fragmentSettled(session, report),
        workerClause: (report) => parent.clauseSettled(session, report),
        workerEvent: (event) => this.#says("worker", event),
        workerExited: (exit) => this.#workerExited(running, exit),
      },
    });
    const stable = setTimeout(() => owner.happened({ type: "worker-stable" }), stableAfterMs);
    const running: Running<WorkerChild, WorkerStatus> = { child, instanceId, stable, status: null };
    this.#worker = running;
    parent.childSpawned(child.pid, `worker ${streamId}`);
  }

  /** The machine has no room for another process just now: taken like a death, and tried again. */
  #notStarted(what: "relay" | "worker", error: unknown): void {
    const message = `the ${what} could not be started: ${(error as Error).message}`;
    this.#says(what, { level: "error", code: `${what}-not-started`, message });
    const type = what === "relay" ? "relay-exited" : "worker-exited";
    queueMicrotask(() => this.owner.happened({ type }));
  }

  #relayExited(running: Running<RelayChild, RelayStatus>, exit: ExitInfo): void {
    clearTimeout(running.stable);
    this.parent.childGone(running.child.pid);
    if (this.#relay === running) this.#relay = undefined;
    if (exit.byUs) return;
    // Code 0: somebody else asked it to end, most likely whoever is stopping us all.
    const level = exit.code === 0 ? "info" : "error";
    const message = `the relay ended (${describeExit(exit)}): a new run begins`;
    this.owner.say({ level, code: "relay-died", message });
    this.parent.restarted(this.session, "relay");
    this.owner.happened({ type: "relay-exited" });
  }

  #workerExited(running: Running<WorkerChild, WorkerStatus>, exit: ExitInfo): void {
    clearTimeout(running.stable);
    this.parent.childGone(running.child.pid);
    if (this.#worker === running) this.#worker = undefined;
    if (exit.byUs) return;
    // A worker that ends with its relay is no death of its own.
    if (this.session.state.worker === "spawned") {
      this.#workerDeaths += 1;
      const message = `the worker ended (${describeExit(exit)}): the fallback plays until the next one`;
      const level = exit.code === 0 ? "info" : "warn";
      this.owner.say({ level, code: "worker-died", message });
      this.parent.restarted(this.session, "worker");
    }
    this.owner.happened({ type: "worker-exited" });
  }

  #says(source: "relay" | "worker", event: ProcessEvent): void {
    this.owner.say(event);
    this.parent.processEvent(this.session, source, event);
  }
}

function viewOf<Status>(
  running: Running<{ readonly pid: number }, Status> | undefined,
  restarts: number,
): ProcessView<Status> {
  return {
    pid: running?.child.pid ?? null,
    instanceId: running?.instanceId ?? null,
    restarts,
    status: running?.status ?? null,
  };
}
