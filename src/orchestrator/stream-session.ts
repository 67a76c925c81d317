import type { StreamSettings } from "../config/streams.ts";
import { describeExit, type ExitInfo } from "../process/exit.ts";
import type {
  FragmentReport,
  RelayStatus,
  WorkerSpec,
  WorkerStatus,
} from "../protocol/supervisor.ts";
import type { Logger } from "../telemetry/log.ts";
import {
  idleState,
  moves,
  step,
  type LifecycleEffect,
  type LifecycleEvent,
  type LifecyclePolicy,
  type LifecycleState,
  type TimerName,
} from "./lifecycle.ts";
import { RelayChild } from "./relay-child.ts";
import { stableAfterMs } from "./restart-policy.ts";
import { newInstanceId, newRunId } from "./run-id.ts";
import { relaySpecOf, workerSpecOf, type CommonSpec } from "./session-specs.ts";
import type { StreamEgress } from "./stream-egress.ts";
import { StreamJournal } from "./stream-journal.ts";
import type { ProcessView, PublisherView } from "./stream-view.ts";
import { WorkerChild } from "./worker-child.ts";

/** What a session needs of whoever keeps the streams. */
export interface SessionParent {
  readonly log: Logger;
  readonly policy: LifecyclePolicy;
  readonly common: CommonSpec;
  readonly startWithinMs: number;
  /** Sidecars, asked anew for each worker: our own may have moved. */
  endpoints(): WorkerSpec["sts"]["endpoints"];
  /** Where the stream's relay reads its input, with the reader secret. */
  inputUrl(streamId: string): string;
  /** Where a relay publishes, with a nonce for one publish. */
  pushUrl(streamId: string, language: string): string;
  /** The forwarders of a run; they start when `out` stands. */
  createEgress(session: StreamSession): StreamEgress;
  childSpawned(pid: number, name: string): void;
  childGone(pid: number): void;
  relayMeasured(session: StreamSession, status: RelayStatus): void;
  workerMeasured(session: StreamSession, status: WorkerStatus): void;
  fragmentSettled(session: StreamSession, report: FragmentReport): void;
  restarted(session: StreamSession, what: "relay" | "worker"): void;
  /** Everything of the stream has ended. */
  sessionEnded(session: StreamSession): void;
}

interface RunningChild<Child, Status> {
  child: Child;
  instanceId: string;
  stable: ReturnType<typeof setTimeout>;
  status: Status | null;
}

/**
 * One stream from its first publisher to its end: does what `lifecycle.ts` decides. Owns the relay, the
 * worker, the forwarders and every timer of the stream.
 */
export class StreamSession {
  readonly journal = new StreamJournal();
  readonly startedAt = new Date();
  readonly ended: Promise<void>;
  #resolveEnded: () => void = () => {};
  #state: LifecycleState = idleState;
  #runId = newRunId();
  #relay: RunningChild<RelayChild, RelayStatus> | undefined;
  #worker: RunningChild<WorkerChild, WorkerStatus> | undefined;
  #restarts = { relay: 0, worker: 0 };
  #egress: StreamEgress | undefined;
  #timers = new Map<TimerName, ReturnType<typeof setTimeout>>();
  #publisher: PublisherView | undefined;
  #outAvailable = false;

  constructor(
    readonly streamId: string,
    readonly settings: StreamSettings,
    private readonly parent: SessionParent,
  ) {
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
  }

  get state(): LifecycleState {
    return this.#state;
  }

  get runId(): string {
    return this.#runId;
  }

  get publisher(): PublisherView | undefined {
    return this.#publisher;
  }

  get outAvailable(): boolean {
    return this.#outAvailable;
  }

  get egress(): StreamEgress | undefined {
    return this.#egress;
  }

  get relay(): ProcessView<RelayStatus> {
    return view(this.#relay, this.#restarts.relay);
  }

  get worker(): ProcessView<WorkerStatus> {
    return view(this.#worker, this.#restarts.worker);
  }

  /** A publisher was let in; its media comes about 2 s later. */
  authorised(): void {
    this.#happened({ type: "authorised" });
  }

  /** What the path list says about the input: who publishes, or that nobody does. */
  observeInput(publisher: PublisherView | undefined): void {
    this.#publisher = publisher;
    this.#happened(
      publisher === undefined
        ? { type: "source-gone" }
        : { type: "source", sourceId: publisher.id },
    );
  }

  /** What the path list says about `out`; forwarding starts when it first stands. */
  observeOutput(available: boolean): void {
    this.#outAvailable = available;
    if (available && this.#state.phase !== "stopping") this.#egress?.start();
  }

  /** Ends the stream in order; resolves when nothing of it is left. */
  async stop(): Promise<void> {
    if (this.#state.phase === "idle") return;
    this.#happened({ type: "stop" });
    await this.ended;
  }

  /** Ends everything without asking. */
  kill(): void {
    this.#worker?.child.kill();
    this.#relay?.child.kill();
    this.#egress?.kill();
  }

  #happened(event: LifecycleEvent): void {
    const before = this.#state.phase;
    const { state, effects } = step(this.#state, event, this.parent.policy);
    if (state.phase !== before) {
      if (!moves[before].includes(state.phase))
        throw new Error(
          `stream ${this.streamId}: ${before} → ${state.phase} is no move of the table`,
        );
      this.#say("info", "state", `${before} → ${state.phase}`);
    }
    this.#state = state;
    for (const effect of effects) this.#do(effect);
    if (event.type === "stopped") {
      this.parent.sessionEnded(this);
      this.#resolveEnded();
    }
  }

  #do(effect: LifecycleEffect): void {
    switch (effect.type) {
      case "start-relay":
        return this.#startRelay();
      case "start-worker":
        return this.#startWorker();
      case "end-worker":
        return this.#worker?.child.kill();
      case "input-available":
      case "input-lost":
        this.#relay?.child.send(effect);
        return;
      case "arm":
        clearTimeout(this.#timers.get(effect.name));
        this.#timers.set(
          effect.name,
          setTimeout(() => this.#happened({ type: "timer", name: effect.name }), effect.afterMs),
        );
        return;
      case "disarm":
        return clearTimeout(this.#timers.get(effect.name));
      case "stop-all":
        void this.#stopAll();
    }
  }

  #startRelay(): void {
    if (this.#restarts.relay > 0 || this.#relay) this.#runId = newRunId();
    const instanceId = newInstanceId();
    const names = { streamId: this.streamId, runId: this.#runId, relayInstanceId: instanceId };
    const { parent } = this;
    const child = new RelayChild({
      spec: relaySpecOf(parent.common, names, this.settings, parent.inputUrl(this.streamId)),
      startWithinMs: parent.startWithinMs,
      parent: {
        relayReady: () => this.#happened({ type: "relay-ready" }),
        relayStatus: (status) => {
          running.status = status;
          parent.relayMeasured(this, status);
          if (status.state === "live") this.#happened({ type: "relay-live" });
        },
        relayAskedForPush: (request, language) => {
          const url = parent.pushUrl(this.streamId, language);
          child.send({ type: "push-url", request, url });
        },
        relayEvent: ({ level, code, message }) => this.#say(level, code, message),
        relayExited: (exit) => this.#relayExited(running, exit),
      },
    });
    const stable = setTimeout(() => this.#happened({ type: "relay-stable" }), stableAfterMs);
    const running: RunningChild<RelayChild, RelayStatus> = {
      child,
      instanceId,
      stable,
      status: null,
    };
    this.#relay = running;
    parent.childSpawned(child.pid, `relay ${this.streamId}`);
    this.#egress ??= parent.createEgress(this);
  }

  #startWorker(): void {
    const relay = this.#relay;
    if (relay === undefined) return;
    const instanceId = newInstanceId();
    const { parent } = this;
    const names = {
      streamId: this.streamId,
      runId: this.#runId,
      relayInstanceId: relay.instanceId,
      instanceId,
    };
    const child = new WorkerChild({
      spec: workerSpecOf(parent.common, names, this.settings, parent.endpoints()),
      startWithinMs: parent.startWithinMs,
      parent: {
        workerReady: () => this.#say("info", "worker-ready", "the worker is ready"),
        workerStatus: (status) => {
          running.status = status;
          parent.workerMeasured(this, status);
        },
        workerFragment: (report) => parent.fragmentSettled(this, report),
        workerEvent: ({ level, code, message }) => this.#say(level, code, message),
        workerExited: (exit) => this.#workerExited(running, exit),
      },
    });
    const stable = setTimeout(() => this.#happened({ type: "worker-stable" }), stableAfterMs);
    const running: RunningChild<WorkerChild, WorkerStatus> = {
      child,
      instanceId,
      stable,
      status: null,
    };
    this.#worker = running;
    parent.childSpawned(child.pid, `worker ${this.streamId}`);
  }

  #relayExited(running: RunningChild<RelayChild, RelayStatus>, exit: ExitInfo): void {
    clearTimeout(running.stable);
    this.parent.childGone(running.child.pid);
    if (this.#relay === running) this.#relay = undefined;
    if (exit.byUs) return;
    this.#restarts.relay += 1;
    this.parent.restarted(this, "relay");
    this.#say("error", "relay-died", `the relay ended (${describeExit(exit)}): a new run begins`);
    this.#happened({ type: "relay-exited" });
  }

  #workerExited(running: RunningChild<WorkerChild, WorkerStatus>, exit: ExitInfo): void {
    clearTimeout(running.stable);
    this.parent.childGone(running.child.pid);
    if (this.#worker === running) this.#worker = undefined;
    if (exit.byUs) return;
    if (this.#state.worker === "spawned") {
      this.#restarts.worker += 1;
      this.parent.restarted(this, "worker");
      const how = describeExit(exit);
      this.#say(
        "warn",
        "worker-died",
        `the worker ended (${how}): the original plays until the next one`,
      );
    }
    this.#happened({ type: "worker-exited" });
  }

  /** Forwarding first, so that destinations see an orderly end; then the dub; the picture last. */
  async #stopAll(): Promise<void> {
    await this.#egress?.close();
    await this.#worker?.child.stop();
    await this.#relay?.child.stop();
    this.#happened({ type: "stopped" });
  }

  #say(level: "info" | "warn" | "error", code: string, message: string): void {
    this.journal.note(level, code, message);
    const fields = { streamId: this.streamId, runId: this.#runId, event: code };
    this.parent.log[level](fields, message);
  }
}

function view<Status>(
  running: RunningChild<{ readonly pid: number }, Status> | undefined,
  restarts: number,
): ProcessView<Status> {
  return {
    pid: running?.child.pid ?? null,
    instanceId: running?.instanceId ?? null,
    restarts,
    status: running?.status ?? null,
  };
}
