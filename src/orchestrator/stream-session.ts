import type { StreamSettings } from "../config/streams.ts";
import type { ClauseReport } from "../protocol/clause-report.ts";
import type { PathInfo } from "../mediamtx/control-api.ts";
import { outputPath } from "../mediamtx/stream-path.ts";
import type {
  FallbackMode,
  FragmentReport,
  RelayStatus,
  RelayToSupervisor,
  WorkerSpec,
  WorkerStatus,
} from "../protocol/supervisor.ts";
import type { Logger } from "../telemetry/log.ts";
import { unsupportedTracks } from "./input-tracks.ts";
import {
  idleState,
  moves,
  step,
  type LifecycleEffect,
  type LifecycleEvent,
  type LifecyclePolicy,
  type LifecycleState,
  type Phase,
  type TimerName,
} from "./lifecycle.ts";
import type { CommonSpec } from "./session-specs.ts";
import { SilenceWatch } from "./silence-watch.ts";
import type { StreamEgress } from "./stream-egress.ts";
import { StreamJournal } from "./stream-journal.ts";
import { StreamProcesses } from "./stream-processes.ts";
import type { ProcessView, PublisherView } from "./stream-view.ts";

/** Something that happened to a stream and is worth telling; `code` is stable. */
export interface ProcessEvent {
  readonly level: "info" | "warn" | "error";
  readonly code: string;
  readonly message: string;
}

/** A relay is about to push. */
export type PushRequest = Pick<
  Extract<RelayToSupervisor, { type: "push-request" }>,
  "language" | "filler"
>;

/** What a session needs of whoever keeps the streams. */
export interface SessionParent {
  readonly log: Logger;
  readonly policy: LifecyclePolicy;
  readonly common: CommonSpec;
  readonly startWithinMs: number;
  /** Sidecars, asked anew for each worker. */
  endpoints(): WorkerSpec["sts"]["endpoints"];
  /** Where the stream's relay reads its input, with the reader secret. */
  inputUrl(streamId: string): string;
  /** Where a relay publishes, with a nonce for one publish; the path is made ready for it. */
  pushUrl(streamId: string, request: PushRequest): Promise<string>;
  /** Nothing publishes to the stream's outputs any more: they end. */
  endOutputs(streamId: string): Promise<void>;
  /** Ends a connection to the media server. */
  kick(source: Readonly<{ type: string; id: string }>): void;
  /** The forwarders of a stream; they start when `out` stands. */
  createEgress(session: StreamSession): StreamEgress;
  childSpawned(pid: number, name: string): void;
  childGone(pid: number): void;
  relayMeasured(session: StreamSession, status: RelayStatus): void;
  workerMeasured(session: StreamSession, status: WorkerStatus): void;
  fragmentSettled(session: StreamSession, report: FragmentReport): void;
  clauseSettled(session: StreamSession, report: ClauseReport): void;
  processEvent(session: StreamSession, source: "relay" | "worker", event: ProcessEvent): void;
  restarted(session: StreamSession, what: "relay" | "worker"): void;
  /** Everything of the stream has ended. */
  sessionEnded(session: StreamSession): void;
}

/**
 * One stream from its first publisher to its end: does what `lifecycle.ts` decides. Owns the stream's
 * processes, its forwarders and its timers.
 */
export class StreamSession {
  readonly journal = new StreamJournal();
  readonly startedAt = new Date();
  /** Resolves when nothing of the stream is left. */
  readonly ended: Promise<void>;
  #settings: StreamSettings;
  #resolveEnded: () => void = () => {};
  #state: LifecycleState = idleState;
  #processes: StreamProcesses;
  #egress: StreamEgress | undefined;
  #timers = new Map<TimerName, ReturnType<typeof setTimeout>>();
  #publisher: PublisherView | undefined;
  #outAvailable = false;
  /** One for each output that ever stood: as many as the stream has languages, and the joint one. */
  #outputs = new Map<string, SilenceWatch>();
  #inputMovedAtMs = performance.now();
  #inputSeenAtMs = performance.now();

  constructor(
    readonly streamId: string,
    settings: StreamSettings,
    private readonly parent: SessionParent,
  ) {
    this.#settings = settings;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    this.#processes = new StreamProcesses(this, parent, {
      happened: (event) => this.#happened(event),
      say: (event) => this.#say(event),
    });
  }

  get settings(): StreamSettings {
    return this.#settings;
  }

  get state(): LifecycleState {
    return this.#state;
  }

  get runId(): string {
    return this.#processes.runId;
  }

  get publisher(): PublisherView | undefined {
    return this.#publisher;
  }

  /** For how long the publisher had sent nothing at the latest look at the path list. */
  get inputStalledMs(): number {
    return this.#inputSeenAtMs - this.#inputMovedAtMs;
  }

  get outAvailable(): boolean {
    return this.#outAvailable;
  }

  get egress(): StreamEgress | undefined {
    return this.#egress;
  }

  get relay(): ProcessView<RelayStatus> {
    return this.#processes.relay;
  }

  get worker(): ProcessView<WorkerStatus> {
    return this.#processes.worker;
  }

  /** A publisher was let in; its media comes about 2 s later. */
  authorised(): void {
    this.#happened({ type: "authorised" });
  }

  /** Changes what is played where no dub has come: from the next block on, and for every further relay. */
  setFallback(fallback: FallbackMode): void {
    this.#settings = { ...this.#settings, fallback };
    this.#processes.tellRelay({ type: "set-fallback", fallback });
    this.#say({ level: "info", code: "fallback", message: `the fallback is ${fallback} now` });
  }

  /** What the path list says about the input: who publishes, or that nobody does. */
  observeInput(publisher: PublisherView | undefined): void {
    const before = this.#publisher;
    const moved = publisher?.id !== before?.id || publisher?.inboundBytes !== before?.inboundBytes;
    this.#inputSeenAtMs = performance.now();
    if (moved) this.#inputMovedAtMs = this.#inputSeenAtMs;
    this.#publisher = publisher;
    const problem =
      publisher?.id === before?.id ? undefined : unsupportedTracks(publisher?.tracks ?? []);
    if (problem !== undefined)
      this.#say({ level: "error", code: "unsupported-track", message: problem });
    this.#happened(
      publisher === undefined
        ? { type: "source-gone" }
        : { type: "source", sourceId: publisher.id },
    );
  }

  /**
   * What the path list says about the outputs that stand, `out` and those of further languages. Forwarding
   * starts when `out` can first be read. A push that holds one and sends nothing is ended: then the filler
   * plays, and whoever owned the push sees that it died.
   */
  observeOutputs(paths: readonly PathInfo[]): void {
    const first = paths.find(({ name }) => name === outputPath(this.streamId));
    this.#outAvailable = first?.online ?? false;
    for (const { name, source, online, inboundBytes } of paths) {
      if (!source || !online || !this.#watchOf(name).isSilent(source.id, inboundBytes)) continue;
      const message = `a push holds ${name} and sends nothing: it is ended`;
      this.#say({ level: "warn", code: "output-silent", message });
      this.parent.kick(source);
    }
    if (first === undefined || this.#state.phase === "stopping") return;
    this.#egress ??= this.parent.createEgress(this);
    this.#egress.start();
  }

  /** Ends the stream in order; resolves when nothing of it is left. */
  async stop(): Promise<void> {
    if (this.#state.phase === "idle") return;
    this.#happened({ type: "stop" });
    await this.ended;
  }

  /** Ends everything without asking. */
  kill(): void {
    this.#processes.kill();
    this.#egress?.kill();
  }

  #watchOf(path: string): SilenceWatch {
    const watch = this.#outputs.get(path) ?? new SilenceWatch();
    this.#outputs.set(path, watch);
    return watch;
  }

  #happened(event: LifecycleEvent): void {
    const before = this.#state.phase;
    const { state, effects } = step(this.#state, event, this.parent.policy);
    this.#state = state;
    if (state.phase !== before) this.#sayMove(before, state.phase);
    for (const effect of effects) this.#do(effect);
    if (event.type !== "stopped") return;
    this.parent.sessionEnded(this);
    this.#resolveEnded();
  }

  #do(effect: LifecycleEffect): void {
    switch (effect.type) {
      case "start-relay":
        return this.#processes.startRelay();
      case "start-worker":
        return this.#processes.startWorker();
      case "end-worker":
        return this.#processes.endWorker();
      case "input-available":
      case "input-lost":
        return this.#processes.tellRelay(effect);
      case "arm":
        return this.#arm(effect.name, effect.afterMs);
      case "disarm":
        return clearTimeout(this.#timers.get(effect.name));
      case "stop-all":
        void this.#stopAll();
    }
  }

  #arm(name: TimerName, afterMs: number): void {
    clearTimeout(this.#timers.get(name));
    const timer = setTimeout(() => this.#happened({ type: "timer", name }), afterMs);
    this.#timers.set(name, timer);
  }

  /** Forwarding first, so that destinations see an orderly end; then the dub; the picture last. */
  async #stopAll(): Promise<void> {
    await this.#egress?.close("the stream ends");
    await this.#processes.stop();
    await this.parent.endOutputs(this.streamId);
    this.#happened({ type: "stopped" });
  }

  /** A move outside the table is a fault of ours; the stream goes on, the fault is told. */
  #sayMove(before: Phase, after: Phase): void {
    const message = `${before} → ${after}`;
    if (moves[before].includes(after)) this.#say({ level: "info", code: "state", message });
    else this.#say({ level: "error", code: "state-fault", message: `${message} is no move` });
  }

  #say({ level, code, message }: ProcessEvent): void {
    this.journal.note(level, code, message);
    this.parent.log[level]({ streamId: this.streamId, runId: this.runId, event: code }, message);
  }
}
