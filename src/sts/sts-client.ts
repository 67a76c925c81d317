import { type BreakerState, FragmentBreaker } from "./breaker.ts";
import type { Clock } from "./clock.ts";
import { Counters } from "./counters.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { FragmentOutcome, OutgoingFragment } from "./fragment.ts";
import type { PartialTranscript } from "../protocol/sts-events.ts";
import { Throttle } from "./throttle.ts";
import type { StsTransport, TransportState } from "./transport.ts";

export interface StsClientOptions {
  readonly transport: StsTransport;
  readonly pacing: "live" | "file";
  /** Live: longest wait for an answer, from sending. */
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly breakerThreshold: number;
  readonly breakerOpenMs: number;
  readonly clock: Clock;
  /** Something worth a line in the log: `sts-ready`, `sts-disconnected`, `sts-refused`, `sts-breaker`, `sts-problem`. */
  readonly onEvent: (level: "info" | "warn" | "error", code: string, message: string) => void;
}

/** With pacing `file`, how long to hope for a sidecar that is away before falling back. */
const fileHopeMs = 60_000;
/** Answered fragments whose `applied` may still come. */
const rememberedIds = 256;

/**
 * The client of a sidecar: one fragment in, one outcome out, whatever becomes of the connection.
 * Nothing here ever rejects; `close` settles what is pending.
 */
export class StsClient {
  readonly counters = new Counters();
  #dispatcher: Dispatcher;
  #breaker: FragmentBreaker;
  #throttle: Throttle;
  #engine: string | null = null;
  #lastError: string | null = null;
  #wireIds = new Map<string, string>();
  #cancelHope: () => void = noTimer;
  /** Pacing `file`: the sidecar has been away for too long. */
  #hopeless = false;
  #closed = false;
  #clauses = false;
  #sessions = 0;
  /** Told of what is being said beyond the clauses; its owner sets it. */
  onPartial: (partial: PartialTranscript) => void = () => {};

  constructor(private readonly options: StsClientOptions) {
    this.#throttle = new Throttle(options.clock);
    this.#breaker = new FragmentBreaker({
      threshold: options.breakerThreshold,
      openMs: options.breakerOpenMs,
      onStateChange: (state) => {
        this.counters.add(`breaker_${state.replace("-", "_")}`);
        options.onEvent(state === "open" ? "warn" : "info", "sts-breaker", `circuit ${state}`);
      },
      onCounted: () => this.counters.add("breaker_failures"),
    });
    this.#dispatcher = new Dispatcher({
      ...options,
      breaker: this.#breaker,
      throttle: this.#throttle,
      counters: this.counters,
      onAnswered: (fragmentId, wireId) => this.#remember(fragmentId, wireId),
      onFailure: (failure) => {
        // Of a lost session the transport has told more than its fragments know.
        if (failure.code === "CLOSED" || failure.code === "DISCONNECTED") return;
        this.#lastError = `${failure.code}: ${failure.message}`;
      },
    });
  }

  /** Opens the way to the sidecar, before the first fragment is there. */
  start(): void {
    this.#startHoping();
    this.options.transport.start({
      onState: (state, detail) => this.#onState(state, detail),
      onGrant: ({ maxInflight, clauses = false }) => {
        this.#throttle.reset();
        this.#clauses = clauses;
        this.#sessions += 1;
        this.#dispatcher.grant(maxInflight, clauses);
      },
      onPartial: (partial) => this.onPartial(partial),
      onEngine: (engine) => (this.#engine = engine),
      onAnswer: (wireId, answer) => {
        if (answer.engine !== undefined) this.#engine = answer.engine;
        this.#dispatcher.answer(wireId, answer);
      },
      onRefusedFragment: (wireId, error) => {
        this.counters.add(`errors_sts_${error.code.toLowerCase()}`);
        this.#dispatcher.refuse(wireId, error);
      },
      onBackpressure: (action, delayMs, severity) => {
        if (!this.#throttle.obey(action, delayMs, severity)) return;
        this.counters.add(`backpressure_${action}`);
        this.#dispatcher.pump();
      },
      onProblem: (code, message) => {
        this.counters.add(`errors_sts_${code.toLowerCase()}`);
        this.options.onEvent("warn", "sts-problem", `${code}: ${message}`);
      },
    });
  }

  get state(): "connecting" | "ready" | "paused" | "refused" | "disconnected" {
    const { state } = this.options.transport;
    if (state === "ready") return this.#throttle.paused ? "paused" : "ready";
    if (state === "refused" || state === "disconnected") return state;
    return state === "closed" ? "disconnected" : "connecting";
  }

  /** `echo`, `real`, …; null until the sidecar has said. */
  get engine(): string | null {
    return this.#engine;
  }

  /** The session, or the last one while there is none, works by clauses: it wants fragments with `held`. */
  get clauses(): boolean {
    return this.#clauses;
  }

  /** Sessions opened so far: each knows nothing of the clauses of those before. */
  get sessions(): number {
    return this.#sessions;
  }

  /** What went wrong last, for a person; null while all is well. */
  get lastError(): string | null {
    return this.#lastError;
  }

  get breaker(): BreakerState {
    return this.#breaker.state;
  }

  get inflight(): number {
    return this.#dispatcher.inflight;
  }

  get reconnects(): number {
    return this.options.transport.reconnects;
  }

  get endpoint(): string {
    return this.options.transport.endpoint;
  }

  /** Takes a fragment on; the promise never rejects. */
  async submit(fragment: OutgoingFragment): Promise<FragmentOutcome> {
    if (this.#closed) return this.#unsent("closed", "the client is closed");
    if (this.options.transport.state === "refused")
      return this.#unsent("refused", this.#lastError ?? "the sidecar refuses");
    if (this.#hopeless) return this.#unsent("unavailable", this.#lastError ?? "no sidecar");
    return this.#dispatcher.submit(fragment);
  }

  /** The fragment's dub is in the output now. */
  applied(fragmentId: string): void {
    const wireId = this.#wireIds.get(fragmentId);
    if (wireId === undefined) return;
    this.#wireIds.delete(fragmentId);
    this.options.transport.acknowledge(wireId, "applied");
  }

  /** No further fragment comes: a session that holds answers lets them go. */
  flush(): void {
    this.#dispatcher.flush();
  }

  /** Ends the session in order; what is still unanswered after `withinMs` falls back. */
  async end(withinMs: number): Promise<void> {
    await this.options.transport.end(withinMs);
    this.close();
  }

  /** Ends at once; safe to call twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelHope();
    this.options.transport.close();
    this.#dispatcher.close();
  }

  #unsent(reason: string, message: string): FragmentOutcome {
    this.counters.add("fallbacks");
    this.counters.add(`fallback_${reason}`);
    return {
      kind: "failed",
      reason,
      message,
      sequenceNumber: undefined,
      roundTripMs: undefined,
    };
  }

  #remember(fragmentId: string, wireId: string): void {
    this.#wireIds.set(fragmentId, wireId);
    const { size } = this.#wireIds;
    const oldest = size > rememberedIds ? this.#wireIds.keys().next().value : undefined;
    if (oldest !== undefined) this.#wireIds.delete(oldest);
  }

  #onState(state: TransportState, detail: string | null): void {
    if (detail !== null) this.#lastError = detail;
    if (state === "ready") {
      this.#cancelHope();
      this.#hopeless = false;
      this.#lastError = null;
      this.options.onEvent("info", "sts-ready", `${this.endpoint}: session open`);
      return;
    }
    if (state === "closed") return; // answers may still come until the session has said farewell
    if (state === "refused" || state === "disconnected") {
      this.options.onEvent("warn", `sts-${state}`, detail ?? state);
      if (this.#cancelHope === noTimer) this.#startHoping();
    }
    this.#dispatcher.lose();
    if (state === "refused") this.#dispatcher.failWaiting("refused", detail ?? "refused");
  }

  #startHoping(): void {
    if (this.options.pacing === "live" || this.#hopeless) return;
    const cancel = this.options.clock.after(fileHopeMs, () => {
      this.#hopeless = true;
      this.#cancelHope = noTimer;
      this.#dispatcher.failWaiting("unavailable", this.#lastError ?? "no sidecar");
    });
    this.#cancelHope = () => {
      cancel();
      this.#cancelHope = noTimer;
    };
  }
}

function noTimer(): void {}
