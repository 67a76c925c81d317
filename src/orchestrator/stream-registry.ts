import { randomBytes } from "node:crypto";
import { resolveStream, type StreamDefaults, type StreamSettings } from "../config/streams.ts";
import type { PathInfo } from "../mediamtx/control-api.ts";
import { inputPath, jointLanguage, outputPath, parseStreamPath } from "../mediamtx/stream-path.ts";
import type { ClauseReport } from "../protocol/clause-report.ts";
import type {
  FragmentReport,
  RelayStatus,
  WorkerSpec,
  WorkerStatus,
} from "../protocol/supervisor.ts";
import type { AccessRequest } from "../protocol/hooks.ts";
import type { Logger } from "../telemetry/log.ts";
import { judgeAccess, sameSecret, type AccessFacts, type AccessVerdict } from "./access-rules.ts";
import type { LifecyclePolicy } from "./lifecycle.ts";
import { PushNonces } from "./push-nonces.ts";
import { Refusals } from "./refusals.ts";
import type { OutputPaths } from "./output-paths.ts";
import type { CommonSpec } from "./session-specs.ts";
import type { StreamEgress } from "./stream-egress.ts";
import { unservedLanguage } from "./unserved-language.ts";
import { StreamSession, type ProcessEvent, type PushRequest } from "./stream-session.ts";
import type { PublisherView } from "./stream-view.ts";

export interface RegistryOptions {
  readonly log: Logger;
  readonly config: StreamDefaults;
  readonly access: Pick<AccessFacts, "publishKeys" | "hlsIsPublic">;
  /** With which we call the control API of our own media server. */
  readonly controlSecret: string;
  readonly policy: LifecyclePolicy;
  readonly common: CommonSpec;
  readonly startWithinMs: number;
  /** 0 = no limit. */
  readonly maxStreams: number;
  /** We judge every publisher before it is let in; an external media server judges by itself. */
  readonly judgesPublishers: boolean;
  /** The media server lets a second publisher take an input over. */
  readonly overridesPublishers: boolean;
  readonly outputs: OutputPaths;
  /** Something is about to change on the media server. */
  readonly expectNews: () => void;
  /** Ends a publisher's connection, or a push of ours; the answer is not waited for. */
  readonly kick: (source: Readonly<{ type: string; id: string }>) => void;
  /** `rtmp://host:port` as our own processes reach it. */
  readonly rtmpBase: string;
  readonly endpoints: () => WorkerSpec["sts"]["endpoints"];
  /** Why no sidecar can dub this pair; undefined when one can or nobody knows. */
  readonly unsupported: (source: string, target: string) => string | undefined;
  readonly createEgress: (session: StreamSession) => StreamEgress;
  readonly observer: RegistryObserver;
}

/** Told of what the streams do: metrics, and the list of children on disk. */
export interface RegistryObserver {
  childSpawned(pid: number, name: string): void;
  childGone(pid: number): void;
  relayMeasured(session: StreamSession, status: RelayStatus): void;
  workerMeasured(session: StreamSession, status: WorkerStatus): void;
  fragmentSettled(session: StreamSession, report: FragmentReport): void;
  clauseSettled(session: StreamSession, report: ClauseReport): void;
  processEvent(session: StreamSession, source: "relay" | "worker", event: ProcessEvent): void;
  restarted(session: StreamSession, what: "relay" | "worker"): void;
  /** What the media server counted of the publisher, at each look. */
  ingested(session: StreamSession, publisher: PublisherView): void;
  sessionEnded(session: StreamSession): void;
}

/** A stream may not begin: the code is stable, the message says what to do. */
export interface Refused {
  readonly code: "MAX_WORKERS" | "UNSUPPORTED_LANGUAGE" | "STOPPING";
  readonly message: string;
}

/** Queries beyond these are forgotten, the oldest first. */
const mostQueries = 256;
/** Looks come every 2 s: a publisher that sent nothing from one to the next is not just slow. */
const stalledAfterMs = 1900;

/** Every stream of this appliance: who may begin one, and what the media server says about each. */
export class StreamRegistry {
  readonly refusals = new Refusals();
  #sessions = new Map<string, StreamSession>();
  #nonces = new PushNonces();
  #readerSecret = randomBytes(24).toString("base64url");
  /** Settings of a publish that was let in while the stream's last session was still stopping. */
  #awaited = new Map<string, StreamSettings>();
  /** The query of each stream's latest publish: what we let in ourselves, else what hooks brought. */
  #queries = new Map<string, string>();
  #closing = false;
  #warnedOpen = false;

  constructor(readonly options: RegistryOptions) {}

  get sessions(): readonly StreamSession[] {
    return [...this.#sessions.values()];
  }

  session(streamId: string): StreamSession | undefined {
    return this.#sessions.get(streamId);
  }

  /**
   * Answers MediaMTX from memory, in well under a millisecond: it asks from the loop that serves all of
   * its paths, and its own API would not answer us before we have answered it.
   */
  judge(request: AccessRequest): AccessVerdict {
    const verdict = judgeAccess(request, {
      ...this.options.access,
      redeemPushNonce: (nonce, path) => this.#nonces.redeem(nonce, path),
      // One secret for all inputs: whoever can read one relay's argv can read every relay's.
      isReaderSecret: (secret) => sameSecret(secret, this.#readerSecret),
      isControlSecret: (secret) => sameSecret(secret, this.options.controlSecret),
    });
    if (!verdict.allow) {
      if (request.action === "publish") this.#refuse(request.path, verdict.code, verdict.reason);
      return verdict;
    }
    if (verdict.publish === undefined) return verdict;
    const refused = this.#admit(verdict.publish.streamId, request);
    if (refused === undefined) {
      // Its media comes later: whatever session is there then, or begins, this is what was asked for.
      this.#keepQuery(verdict.publish.streamId, request.query);
      return verdict;
    }
    this.#refuse(request.path, refused.code, refused.message);
    return { allow: false, code: refused.code, reason: refused.message };
  }

  /** Why this stream could not begin now; undefined when it may, or runs already. */
  mayBegin(streamId: string): Refused | undefined {
    if (this.#closing) return { code: "STOPPING", message: "livedub is stopping" };
    const { maxStreams } = this.options;
    if (this.#sessions.has(streamId) || maxStreams === 0 || this.#sessions.size < maxStreams)
      return undefined;
    const message = `${maxStreams} streams run already: end one, or raise ORCH_MAX_WORKERS`;
    return { code: "MAX_WORKERS", message };
  }

  /** Keeps the publish URL's query that a ready hook brought, until its stream begins. */
  noteQuery(streamId: string, query: string): void {
    if (!this.options.judgesPublishers) this.#keepQuery(streamId, query);
  }

  /** Takes over what the media server says; the truth that hooks only hint at. */
  observe(paths: readonly PathInfo[]): void {
    if (this.#closing) return;
    const byName = new Map(paths.filter((path) => path.available).map((path) => [path.name, path]));
    for (const [name, path] of byName) {
      const parsed = parseStreamPath(name);
      if (parsed?.direction === "in" && path.source && !this.#sessions.has(parsed.streamId))
        this.#beginObserved(parsed.streamId);
    }
    for (const session of this.#sessions.values()) {
      const input = byName.get(inputPath(session.streamId));
      const { id, type } = input?.source ?? {};
      const publisher =
        input && id !== undefined && type !== undefined
          ? { id, type, tracks: input.tracks, inboundBytes: input.inboundBytes }
          : undefined;
      session.observeInput(publisher);
      if (publisher) this.options.observer.ingested(session, publisher);
      session.observeOutputs(outputPathsOf(session).flatMap((name) => byName.get(name) ?? []));
    }
  }

  /** Ends every stream, side by side; resolves when nothing is left of them. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.sessions.map((session) => session.stop()));
  }

  kill(): void {
    this.#closing = true;
    for (const session of this.#sessions.values()) session.kill();
  }

  #keepQuery(streamId: string, query: string): void {
    this.#queries.delete(streamId);
    this.#queries.set(streamId, query);
    const oldest = this.#queries.keys().next().value;
    if (this.#queries.size > mostQueries && oldest !== undefined) this.#queries.delete(oldest);
  }

  #admit(streamId: string, request: AccessRequest): Refused | undefined {
    const running = this.#sessions.get(streamId);
    if (running?.publisher && running.publisher.id !== request.id) {
      this.#secondPublisher(running, running.publisher);
      return undefined;
    }
    const refused = this.mayBegin(streamId);
    if (refused) return refused;
    const settings = running?.settings ?? this.#settingsOf(streamId, request.query);
    const problem = running ? undefined : unservedLanguage(settings, this.options);
    if (problem !== undefined) return { code: "UNSUPPORTED_LANGUAGE", message: problem };
    this.refusals.settle(streamId);
    this.#warnOpenPublishing();
    if (running?.state.phase === "stopping") {
      this.#awaited.set(streamId, this.#settingsOf(streamId, request.query));
      return undefined;
    }
    (running ?? this.#begin(streamId, settings))?.authorised();
    return undefined;
  }

  /**
   * Whether the first publisher is still there, MediaMTX knows better than we: as long as it is, the
   * second is refused. One that holds its place and sends nothing is ended, so that the next try succeeds.
   * Where second ones may take over, MediaMTX ends the first by itself.
   */
  #secondPublisher(session: StreamSession, first: PublisherView): void {
    const { streamId } = session;
    if (this.options.overridesPublishers) {
      const message = `a second publisher of ${streamId} has the right key: it takes the stream over`;
      return this.options.log.info({ streamId, event: "publisher-override" }, message);
    }
    const stalled = session.inputStalledMs > stalledAfterMs;
    this.options.log.warn(
      { streamId, event: "second-publisher", stalled },
      `a second publisher of ${streamId} has the right key; it is refused as long as the first one publishes`,
    );
    if (stalled) this.options.kick(first);
  }

  /** Begins a stream whose publisher is there already. */
  #beginObserved(streamId: string): void {
    const settings = this.#settingsOf(streamId, this.#queries.get(streamId) ?? "");
    const problem = this.options.judgesPublishers
      ? undefined // judged when it came; a stream once accepted goes on
      : unservedLanguage(settings, this.options);
    if (problem !== undefined)
      return this.#refuse(inputPath(streamId), "UNSUPPORTED_LANGUAGE", problem);
    this.#begin(streamId, settings);
  }

  #begin(streamId: string, settings: StreamSettings): StreamSession | undefined {
    const refused = this.mayBegin(streamId);
    if (refused) {
      this.#refuse(inputPath(streamId), refused.code, refused.message);
      return undefined;
    }
    const { options } = this;
    const session = new StreamSession(streamId, settings, {
      log: options.log,
      policy: options.policy,
      common: options.common,
      startWithinMs: options.startWithinMs,
      endpoints: options.endpoints,
      inputUrl: (id) => `${options.rtmpBase}/${inputPath(id)}?reader=${this.#readerSecret}`,
      pushUrl: (id, request) => this.#pushUrl(id, settings, request),
      kick: options.kick,
      endOutputs: (id) => options.outputs.release(id),
      createEgress: options.createEgress,
      childSpawned: (pid, name) => options.observer.childSpawned(pid, name),
      childGone: (pid) => options.observer.childGone(pid),
      relayMeasured: (from, status) => options.observer.relayMeasured(from, status),
      workerMeasured: (from, status) => options.observer.workerMeasured(from, status),
      fragmentSettled: (from, report) => options.observer.fragmentSettled(from, report),
      clauseSettled: (from, report) => options.observer.clauseSettled(from, report),
      processEvent: (from, source, event) => options.observer.processEvent(from, source, event),
      restarted: (from, what) => options.observer.restarted(from, what),
      sessionEnded: (ended) => this.#ended(ended),
    });
    this.#sessions.set(streamId, session);
    return session;
  }

  #ended(session: StreamSession): void {
    const { streamId } = session;
    this.#sessions.delete(streamId);
    for (const path of outputPathsOf(session)) this.#nonces.revoke(path);
    this.options.observer.sessionEnded(session);
    const awaited = this.#awaited.get(streamId);
    this.#awaited.delete(streamId);
    if (awaited && !this.#closing) this.#begin(streamId, awaited)?.authorised();
  }

  /** The first language of a stream is on `out` itself, further ones beside it. */
  async #pushUrl(
    streamId: string,
    settings: StreamSettings,
    { language, filler }: PushRequest,
  ): Promise<string> {
    const further = language === settings.targetLanguage ? undefined : language;
    const path = outputPath(streamId, further);
    if (filler !== undefined) await this.options.outputs.ensure(streamId, path, filler);
    this.options.expectNews();
    return `${this.options.rtmpBase}/${path}?nonce=${this.#nonces.grant(path)}`;
  }

  #settingsOf(streamId: string, query: string): StreamSettings {
    const { settings, warnings } = resolveStream(this.options.config, streamId, query);
    for (const warning of warnings) this.options.log.warn({ streamId }, warning);
    return settings;
  }

  #refuse(path: string, code: string, message: string): void {
    const streamId = parseStreamPath(path)?.streamId ?? path.slice(0, 80);
    const { warn, unwarned } = this.refusals.note(streamId, code, message);
    const others = unwarned === 0 ? "" : ` (and ${unwarned} other refusals in the last minute)`;
    const text = `publish refused: ${message}${others}`;
    this.options.log[warn ? "warn" : "debug"]({ streamId, event: "publish.refused", code }, text);
  }

  #warnOpenPublishing(): void {
    if (this.#warnedOpen || this.options.access.publishKeys !== undefined) return;
    this.#warnedOpen = true;
    this.options.log.warn(
      { event: "publish.open" },
      "LIVEDUB_PUBLISH_KEYS is not set: every program of this machine may publish",
    );
  }
}

/** The first language's output, the one of all languages together, then each further one's. */
function outputPathsOf({ streamId, settings }: StreamSession): string[] {
  const further = [jointLanguage, ...settings.furtherLanguages];
  return [undefined, ...further].map((language) => outputPath(streamId, language));
}
