import { type Socket, io } from "socket.io-client";
import { capabilitiesSchema, streamReadySchema } from "../protocol/sts-session.ts";
import { backpressureSchema, partialTranscriptSchema } from "../protocol/sts-events.ts";
import { stsErrorSchema } from "../protocol/sts-errors.ts";
import { fragmentProcessedSchema } from "../protocol/sts-fragment.ts";
import { encodeBase64 } from "../protocol/sts-audio.ts";
import type { Clock } from "./clock.ts";
import type { StsEndpoint } from "./endpoint.ts";
import type { OutgoingFragment, UplinkRateHz } from "./fragment.ts";
import { SequenceNumbers } from "./sequence-numbers.ts";
import { readAnswer } from "./answer.ts";
import type { Grant, TransportEvents } from "./transport.ts";

/** What a session asks for in its `stream:init`. */
export interface SessionWish {
  readonly streamId: string;
  readonly workerId: string;
  readonly sourceLanguage: string;
  readonly targetLanguage: string;
  readonly voice: string;
  readonly pacing: "live" | "file";
  readonly chunkMs: number;
  readonly maxInflight: number;
  readonly timeoutMs: number;
  /** Live: each sample plays this long after it was captured, 1000..30000 ms; lets clauses cross fragments. */
  readonly playoutDelayMs?: number;
  /** Further languages, from the same recognition pass. */
  readonly furtherLanguages?: readonly string[];
}

/** How a session came to its end. */
export interface SessionEnd {
  /** `refused`: only the user can help. `busy`: another worker holds the stream. `lost`: try again. */
  readonly kind: "lost" | "refused" | "busy" | "starting" | "completed";
  readonly detail: string;
}

/** Longest wait for the connection, and then for `stream:ready` (contract 2.13). */
const readyWithinMs = 10_000;
const downlinkRateHz = 24_000;
/** Codes that a new `stream:init` with the same wishes would meet again. */
const refusals = new Set([
  "AUTH_FAILED",
  "INVALID_CONFIG",
  "UNSUPPORTED_LANGUAGE",
  "INVALID_VOICE_PROFILE",
]);

/**
 * One Socket.IO session: connects, says `stream:init`, carries fragments, and ends once, for good.
 * Its owner opens the next.
 */
export class SocketSession {
  readonly ended: Promise<SessionEnd>;
  #settle: (end: SessionEnd) => void = () => {};
  #over = false;
  #socket: Socket;
  #ready = false;
  #binary = false;
  #offered: ReadonlySet<string> = new Set();
  #ending = false;
  #uplinkRateHz: UplinkRateHz = 48_000;
  #numbers = new SequenceNumbers();
  #cancelWait: () => void;
  #complete = Promise.withResolvers<void>();

  constructor(
    endpoint: StsEndpoint,
    private readonly wish: SessionWish,
    /** An echo engine gives back what it gets, so it gets the full band. */
    private readonly echo: boolean,
    private readonly events: Pick<
      TransportEvents,
      | "onGrant"
      | "onEngine"
      | "onAnswer"
      | "onRefusedFragment"
      | "onBackpressure"
      | "onProblem"
      | "onPartial"
    >,
    private readonly clock: Clock,
  ) {
    this.ended = new Promise((resolve) => (this.#settle = resolve));
    this.#socket = io(endpoint.base, {
      path: endpoint.socketPath,
      transports: ["websocket"],
      reconnection: false, // a new session needs a new `stream:init`: its owner reconnects
      forceNew: true,
      timeout: readyWithinMs,
      ...(endpoint.key === undefined ? {} : { auth: { token: endpoint.key } }),
      extraHeaders: {
        "X-Stream-ID": wish.streamId,
        "X-Worker-ID": wish.workerId,
        ...(endpoint.key === undefined ? {} : { Authorization: `Bearer ${endpoint.key}` }),
      },
    });
    this.#cancelWait = clock.after(readyWithinMs * 2, () =>
      this.#end({ kind: "lost", detail: "no connection" }),
    );
    this.#listen();
  }

  get ready(): boolean {
    return this.#ready && !this.#over;
  }

  /** @returns the fragment's sequence number, or undefined when the session is not ready (any more) */
  send(wireId: string, fragment: OutgoingFragment): number | undefined {
    if (!this.ready) return undefined;
    const sequenceNumber = this.#numbers.take(wireId);
    this.#socket.emit("fragment:data", {
      fragment_id: wireId,
      stream_id: this.wish.streamId,
      sequence_number: sequenceNumber,
      timestamp: Date.now(),
      audio: {
        format: "pcm_s16le",
        sample_rate_hz: this.#uplinkRateHz,
        channels: 1,
        duration_ms: fragment.durationMs,
        ...this.#soundOf(fragment),
        ...this.#deadlineOf(fragment),
      },
      metadata: { pts_ns: Math.round((fragment.startSample * 1e9) / 48_000) },
    });
    return sequenceNumber;
  }

  #soundOf(fragment: OutgoingFragment) {
    if (fragment.speech === false && this.#offered.has("speech")) return { speech: false };
    const pcm = fragment.pcm(this.#uplinkRateHz);
    return this.#binary ? { data: Buffer.from(pcm) } : { data_base64: encodeBase64(pcm) };
  }

  #deadlineOf({ held, airsAtMs }: OutgoingFragment) {
    if (!held || airsAtMs === undefined || !this.#offered.has("deadline")) return {};
    return { deadline_ms: Math.round(airsAtMs - this.clock.now()) };
  }

  acknowledge(wireId: string, status: "received" | "applied"): void {
    if (this.ready)
      this.#socket.emit("fragment:ack", { fragment_id: wireId, status, timestamp: Date.now() });
  }

  /** Nobody waits for this fragment's answer any more. */
  abandon(wireId: string): void {
    this.#numbers.answered(wireId);
  }

  /** Says `stream:end`, once: what is held is answered now. */
  flush(): void {
    if (!this.ready || this.#ending) return;
    this.#ending = true;
    this.#socket.emit("stream:end", { stream_id: this.wish.streamId, reason: "source_ended" });
  }

  /** Says `stream:end` and waits for `stream:complete`, at most `withinMs`. */
  async finish(withinMs: number): Promise<void> {
    if (!this.ready) return this.close();
    this.flush();
    const late = Promise.withResolvers<void>();
    const cancel = this.clock.after(withinMs, late.resolve);
    await Promise.race([this.#complete.promise, this.ended, late.promise]);
    cancel();
    this.#end({ kind: "completed", detail: "the stream has ended" });
  }

  close(): void {
    this.#end({ kind: "completed", detail: "closed" });
  }

  #end(end: SessionEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelWait();
    this.#settle(end);
    this.#socket.disconnect();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("connect", () => {
      this.#cancelWait();
      this.#cancelWait = this.clock.after(readyWithinMs, () =>
        this.#end({ kind: "lost", detail: `no stream:ready within ${readyWithinMs / 1000} s` }),
      );
      socket.emit("stream:init", this.#initMessage());
    });
    socket.on("connect_error", (error: Error & { data?: { code?: unknown } }) => {
      const named = error.data?.code;
      const code = typeof named === "string" ? named : error.message;
      if (refusals.has(code)) this.#end({ kind: "refused", detail: explain(code, error.message) });
      else this.#end({ kind: "lost", detail: `cannot connect: ${error.message}` });
    });
    socket.on("disconnect", (reason) =>
      this.#end({ kind: "lost", detail: `the connection ended: ${reason}` }),
    );
    socket.on("stream:ready", (message: unknown) => this.#onReady(message));
    socket.on("stream:complete", () => this.#complete.resolve());
    socket.on("fragment:processed", (message: unknown) => {
      const parsed = fragmentProcessedSchema.safeParse(message);
      if (!parsed.success)
        return this.events.onProblem("INVALID_OUTPUT", "an answer that is none was dropped");
      this.#numbers.answered(parsed.data.fragment_id);
      this.events.onAnswer(parsed.data.fragment_id, readAnswer(parsed.data));
    });
    socket.on("backpressure", (message: unknown) => {
      const parsed = backpressureSchema.safeParse(message);
      if (!parsed.success) return;
      const { action, recommended_delay_ms: delayMs, severity } = parsed.data;
      this.events.onBackpressure(action, delayMs, severity ?? "medium");
    });
    socket.on("transcript:partial", (message: unknown) => {
      const parsed = partialTranscriptSchema.safeParse(message);
      if (parsed.success) this.events.onPartial?.(parsed.data);
    });
    socket.on("error", (message: unknown) => this.#onError(message));
  }

  #initMessage() {
    const { wish } = this;
    return {
      stream_id: wish.streamId,
      worker_id: wish.workerId,
      max_inflight: wish.maxInflight,
      timeout_ms: wish.timeoutMs,
      config: {
        source_language: wish.sourceLanguage,
        target_language: wish.targetLanguage,
        voice_profile: wish.voice,
        chunk_duration_ms: wish.chunkMs,
        sample_rate_hz: 16_000,
        channels: 1,
        format: "pcm_s16le",
        pacing: wish.pacing,
        binary_audio: true,
        dub_sample_rate_hz: downlinkRateHz,
        dub_channels: 1,
        ...(wish.playoutDelayMs === undefined ? {} : { playout_delay_ms: wish.playoutDelayMs }),
        ...(wish.furtherLanguages?.length ? { target_languages: [...wish.furtherLanguages] } : {}),
      },
    };
  }

  #onReady(message: unknown): void {
    const parsed = streamReadySchema.safeParse(message);
    if (!parsed.success) {
      const detail = "its stream:ready is malformed: not a server of this protocol";
      return this.#end({ kind: "refused", detail });
    }
    if (this.#ready) return;
    this.#cancelWait();
    this.#ready = true;
    const capabilities = capabilitiesSchema.parse(parsed.data.capabilities ?? {});
    const extensions = capabilities.extensions ?? [];
    this.#offered = new Set(extensions);
    this.#binary = this.#offered.has("binary_audio");
    const clauses = this.#offered.has("clauses") && this.#offered.has("deadline");
    // A server without extensions answers in the fragment's own rate: 16 kHz would dull its dub.
    this.#uplinkRateHz = extensions.length > 0 && !this.echo ? 16_000 : 48_000;
    const grant: Grant = {
      // A session that holds answers grants what the hold needs; any other no more than was asked for.
      maxInflight: clauses
        ? parsed.data.max_inflight
        : Math.min(parsed.data.max_inflight, this.wish.maxInflight),
      uplinkRateHz: this.#uplinkRateHz,
      clauses,
    };
    this.events.onGrant(grant);
  }

  #onError(message: unknown): void {
    const parsed = stsErrorSchema.safeParse(message);
    if (!parsed.success) return this.events.onProblem("MALFORMED_ERROR", "an error without a code");
    const { code, message: text, retryable, fragment_id: wireId } = parsed.data;
    if (code === "STREAM_BUSY") return this.#end({ kind: "busy", detail: `${code}: ${text}` });
    if (!this.#ready) {
      const kind = refusals.has(code) || !retryable ? "refused" : "lost";
      return this.#end({ kind, detail: explain(code, text) });
    }
    if (wireId !== undefined && this.#numbers.holds(wireId)) {
      this.#numbers.refused(wireId);
      return this.events.onRefusedFragment(wireId, { code, message: text, retryable });
    }
    this.events.onProblem(code, text);
    // Replaced or forgotten by the server: nothing sent here would be answered any more.
    if (code === "STREAM_NOT_FOUND")
      this.#end({ kind: "lost", detail: `the sidecar dropped the session: ${text}` });
  }
}

/** A refusal in words that say what to do. */
function explain(code: string, message: string): string {
  const remedy: Record<string, string> = {
    AUTH_FAILED: "the sidecar refuses the key; set WORKER_STS_API_KEY to its STS_API_KEY",
    UNSUPPORTED_LANGUAGE: "choose a pair that it serves, or give it DEEPL_API_KEY or weights",
    INVALID_VOICE_PROFILE: "choose a voice that it has (WORKER_TTS_VOICE)",
  };
  const said = message === code || message === "" ? code : `${code}: ${message}`;
  return remedy[code] === undefined ? said : `${said} (${remedy[code]})`;
}
