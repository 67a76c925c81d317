import type { Socket } from "socket.io";
import type { z } from "zod";
import { audioFormats } from "../../src/protocol/sts-audio.ts";
import { meaningOf, type StsErrorMessage } from "../../src/protocol/sts-errors.ts";
import type { ClientToServerEvents, ServerToClientEvents } from "../../src/protocol/sts-events.ts";
import { workerAckSchema } from "../../src/protocol/sts-fragment.ts";
import { describeProblems } from "../../src/protocol/sts-scalars.ts";
import {
  streamControlSchema,
  streamInitSchema,
  streamUpdateSchema,
  stsProtocolVersion,
  type StreamInit,
} from "../../src/protocol/sts-session.ts";
import { fragmentIdOf, readFragment } from "../session/fragment-intake.ts";
import type { ErrorContext, SessionPeer } from "../session/session-peer.ts";
import { Session } from "../session/session.ts";
import { settleTerms } from "../session/terms.ts";
import { extensionsOf, lagPolicy, openClauseSession, updateSession } from "./clause-sessions.ts";
import type { Sidecar } from "./sidecar.ts";
import { SimulationEvents } from "./simulation-events.ts";

export type StsSocket = Socket<ClientToServerEvents, ServerToClientEvents>;

/** One Socket.IO connection: reads its events, owns its session, and closes it. */
export class StsConnection implements SessionPeer {
  #session: Session | undefined;
  #refusals = 0;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  #leaveTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #simulation: SimulationEvents;

  constructor(
    private readonly sidecar: Sidecar,
    private readonly socket: StsSocket,
    private readonly lastHeardAtMs: () => number,
  ) {
    socket.onAny((_event: string, ...values: unknown[]) => {
      const callback = values.at(-1);
      if (typeof callback === "function") (callback as () => void)(); // an empty acknowledgement, at once
    });
    this.#on("stream:init", (payload) => this.#init(payload));
    this.#on("fragment:data", (payload) => this.#fragment(payload));
    this.#on("fragment:ack", (payload) => this.#workerAck(payload));
    this.#onControl("stream:pause", (session) => session.pause());
    this.#onControl("stream:resume", (session) => session.resume());
    this.#onControl("stream:end", (session) => session.end());
    this.#on("stream:update", (payload) => this.#update(payload));
    this.#simulation = new SimulationEvents(sidecar.echo, this);
    this.#on("config:error_simulation", (payload) => {
      const session = sidecar.echo && this.#requireSession("config:error_simulation");
      if (sidecar.echo === undefined || session !== undefined)
        this.#simulation.errors(payload, session?.id);
    });
    this.#on("simulate:disconnect", (payload) => this.#simulation.disconnect(payload));
    socket.on("disconnect", (reason) => this.#disconnected(reason));
    this.#watchIdle();
  }

  get session(): Session | undefined {
    return this.#session;
  }

  send<Event extends keyof ServerToClientEvents>(
    event: Event,
    ...message: Parameters<ServerToClientEvents[Event]>
  ): void {
    this.socket.emit(event, ...message);
  }

  refuse: SessionPeer["refuse"] = (code, message, context: ErrorContext = {}) => {
    const streamId = context.streamId ?? this.#session?.options.streamId;
    const meaning = meaningOf(code);
    const event: StsErrorMessage = {
      error_id: crypto.randomUUID(),
      code,
      message,
      severity: meaning?.severity ?? "error",
      retryable: meaning?.retryable ?? false,
      ...(streamId !== undefined && { stream_id: streamId }),
      ...(context.fragmentId !== undefined && { fragment_id: context.fragmentId }),
      ...(context.metadata && { metadata: context.metadata, details: context.metadata }),
    };
    this.sidecar.metrics.requestRefused(this.#liveStreamId(), code);
    this.#logRefusal({ code, streamId, fragmentId: context.fragmentId }, message);
    this.send("error", event);
  };

  completed(): void {
    const session = this.#session;
    if (session !== undefined) this.sidecar.registry.release(session);
    this.#watchIdle();
    clearTimeout(this.#leaveTimer);
    const delayMs = this.sidecar.config.autoDisconnectDelayS * 1000;
    this.#leaveTimer = setTimeout(() => this.socket.disconnect(true), delayMs);
  }

  /** Ends the connection from our side; the client's reason is `io server disconnect`. */
  disconnect(): void {
    this.socket.disconnect(true);
  }

  #on(event: keyof ClientToServerEvents, handle: (payload: unknown) => void): void {
    this.socket.on(event, (payload?: unknown) => {
      try {
        handle(typeof payload === "function" ? undefined : payload);
      } catch (error) {
        this.sidecar.logger.error({ err: error, event }, "an event could not be handled");
        this.refuse("PROCESSING_ERROR", `${event} could not be handled; this is our fault`);
      }
    });
  }

  #onControl(
    event: "stream:pause" | "stream:resume" | "stream:end",
    act: (session: Session) => void,
  ): void {
    this.#on(event, (payload) => {
      if (this.#parse(event, streamControlSchema, payload) === undefined) return;
      const session = this.#requireSession(event);
      if (session !== undefined) act(session);
    });
  }

  #parse<Schema extends z.ZodType>(
    event: string,
    schema: Schema,
    payload: unknown,
  ): z.output<Schema> | undefined {
    const parsed = schema.safeParse(payload);
    if (parsed.success) return parsed.data;
    this.refuse("MALFORMED_DATA", `${event} is malformed: ${describeProblems(parsed.error)}`);
    return undefined;
  }

  #requireSession(event: string, fragmentId?: string): Session | undefined {
    if (this.#session !== undefined && this.#session.state !== "closed") return this.#session;
    const message = `${event} came without a stream; send stream:init first`;
    this.refuse("STREAM_NOT_FOUND", message, { fragmentId });
    return undefined;
  }

  #init(payload: unknown): void {
    const parsed = streamInitSchema.safeParse(payload);
    if (!parsed.success)
      return this.refuse(
        "INVALID_CONFIG",
        `stream:init is not valid: ${describeProblems(parsed.error)}`,
      );
    const init = parsed.data;
    const { registry, config } = this.sidecar;
    const streamId = init.stream_id;
    const state = this.sidecar.readiness();
    if (state !== "ready" && state !== "degraded") {
      const why = state === "starting" ? "the models are still loading" : `the server is ${state}`;
      return this.refuse("TEMPORARY_UNAVAILABLE", `${why}; try again in a few seconds`, {
        streamId,
      });
    }
    const settled = settleTerms(init.config, this.sidecar.engine);
    if ("refusal" in settled) {
      const { code, message, metadata } = settled.refusal;
      return this.refuse(code, message, { streamId, metadata });
    }
    const workerId = init.worker_id ?? this.#header("x-worker-id") ?? this.socket.id;
    this.#closeSession(); // a second stream:init on one socket replaces its session
    const admission = registry.admit(streamId, workerId);
    if (admission === "busy")
      return this.refuse(
        "STREAM_BUSY",
        "another live worker holds this stream; try again in 5 s or more",
        { streamId },
      );
    if (admission === "full")
      return this.refuse(
        "RATE_LIMIT",
        `${config.maxConcurrentStreams} streams are running (MAX_CONCURRENT_STREAMS); try again later`,
        { streamId },
      );
    registry.free(streamId);
    this.#open(init, workerId, settled.terms);
  }

  #open(init: StreamInit, workerId: string, terms: Session["options"]["terms"]): void {
    const { sidecar } = this;
    const { config } = sidecar;
    const streamId = init.stream_id;
    const wishes = init.config;
    const held = openClauseSession(sidecar, init, terms, this);
    const maxInflight = held?.options.maxInflight ?? init.max_inflight ?? config.maxInflight;
    const session = new Session({
      streamId,
      workerId,
      terms,
      maxInflight,
      timeoutMs: init.timeout_ms ?? config.fragmentTimeoutMs,
      binaryAudio: wishes.binary_audio === true,
      extended: [
        wishes.binary_audio,
        wishes.pacing,
        wishes.dub_sample_rate_hz,
        wishes.playout_delay_ms,
      ].some((wish) => wish !== undefined),
      queueMaxDepth: sidecar.echo === undefined ? config.queueMaxDepth : Number.POSITIVE_INFINITY,
      answersKept: sidecar.echo === undefined ? maxInflight : 0,
      policy: held === undefined ? sidecar.policy : lagPolicy(sidecar),
      processor: held === undefined ? sidecar.processor : sidecar.kept(held),
      peer: this,
      observer: sidecar.metrics,
      logger: sidecar.logger.child({ streamId }),
    });
    this.#session = session;
    sidecar.echo?.open(session.id);
    sidecar.registry.hold(streamId, {
      session,
      workerId,
      isAlive: () => this.#isAlive(),
      evict: () => this.#evicted(session),
    });
    this.#watchIdle();
    clearTimeout(this.#leaveTimer);
    sidecar.logger.info({ streamId, workerId, ...terms, maxInflight }, "session opened");
    this.send("stream:ready", {
      stream_id: streamId,
      session_id: session.id,
      max_inflight: maxInflight,
      capabilities: {
        batch_processing: false,
        async_delivery: true,
        protocol: stsProtocolVersion,
        formats: audioFormats,
        extensions: extensionsOf(sidecar),
        binary_audio: true,
      },
    });
  }

  #update(payload: unknown): void {
    const update = this.#parse("stream:update", streamUpdateSchema, payload);
    const session = update && this.#requireSession("stream:update");
    if (update === undefined || session === undefined) return;
    const updated = updateSession(this.sidecar, session, update);
    if ("message" in updated) return this.send("stream:updated", updated.message);
    this.refuse(updated.refusal.code, updated.refusal.message, updated.refusal);
  }

  #fragment(payload: unknown): void {
    const fragmentId = fragmentIdOf(payload);
    const session = this.#requireSession("fragment:data", fragmentId);
    if (session === undefined) return;
    if (this.sidecar.readiness() === "stopping")
      return this.refuse("TEMPORARY_UNAVAILABLE", "the server is stopping", { fragmentId });
    const read = readFragment(payload);
    if ("data" in read) return session.take(read.data);
    this.refuse(read.refusal.code, read.refusal.message, {
      fragmentId,
      metadata: read.refusal.metadata,
    });
  }

  #workerAck(payload: unknown): void {
    const ack = this.#parse("fragment:ack", workerAckSchema, payload);
    if (ack !== undefined) this.#session?.workerAck(ack);
  }

  #header(name: string): string | undefined {
    const value = this.socket.handshake.headers[name];
    return typeof value === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(value) ? value : undefined;
  }

  #isAlive(): boolean {
    const { pingIntervalS, pingTimeoutS } = this.sidecar.config;
    const patienceMs = (pingIntervalS + Math.min(pingTimeoutS, 5)) * 1000;
    return performance.now() - this.lastHeardAtMs() <= patienceMs;
  }

  #evicted(session: Session): void {
    if (this.#session !== session) return;
    this.refuse("STREAM_NOT_FOUND", "the stream was taken over by a newer connection");
    this.#closeSession();
    this.#watchIdle();
  }

  #closeSession(): void {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    session.close();
    this.sidecar.echo?.close(session.id);
    this.sidecar.registry.release(session);
  }

  /** Every refusal at first, then fewer and fewer: a client must not be able to fill the log. */
  #logRefusal(fields: Record<string, unknown>, message: string): void {
    const refusals = ++this.#refusals;
    const isPowerOfTwo = (refusals & (refusals - 1)) === 0;
    if (refusals <= 16 || isPowerOfTwo) this.sidecar.logger.info({ ...fields, refusals }, message);
  }

  #liveStreamId(): string | undefined {
    const live = this.#session?.state !== "completed" && this.#session?.state !== "closed";
    return live ? this.#session?.options.streamId : undefined;
  }

  #watchIdle(): void {
    clearTimeout(this.#idleTimer);
    const state = this.#session?.state;
    if (state !== undefined && state !== "completed" && state !== "closed") return;
    this.#idleTimer = setTimeout(() => this.socket.disconnect(true), this.sidecar.idleLimitMs);
  }

  #disconnected(reason: string): void {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#leaveTimer);
    this.#simulation.close();
    const streamId = this.#session?.options.streamId;
    this.sidecar.logger.info({ streamId, reason }, "client disconnected");
    this.#closeSession();
  }
}
