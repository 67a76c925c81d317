import { Backoff } from "../process/backoff.ts";
import type { Clock } from "./clock.ts";
import type { StsEndpoint } from "./endpoint.ts";
import type { OutgoingFragment } from "./fragment.ts";
import { readHealth, unsupportedPair } from "./health.ts";
import { type SessionEnd, SocketSession, type SessionWish } from "./socket-session.ts";
import type { StsTransport, TransportEvents, TransportState } from "./transport.ts";

/** Where the state may go from where it is. */
const moves: Record<TransportState, readonly TransportState[]> = {
  idle: ["connecting", "closed"],
  connecting: ["ready", "refused", "disconnected", "closed"],
  ready: ["disconnected", "refused", "closed"],
  refused: ["connecting", "closed"],
  disconnected: ["connecting", "closed"],
  closed: [],
};

/** Another worker holds the stream: two of them must not evict each other for ever (contract 2.1). */
const busyBackoffMs = 5000;
/** A refusal is cured by a person, so it is tried again, but slowly. */
const refusedBackoffMs = 30_000;

export interface SocketTransportOptions {
  readonly endpoints: readonly StsEndpoint[];
  readonly wish: SessionWish;
  readonly clock: Clock;
  /** First reconnect delay; doubled up to 30 s, ±10 %. Default 1000. */
  readonly firstReconnectMs?: number;
}

/** The Socket.IO way to a sidecar: one session after another, the next endpoint after each failure. */
export class SocketTransport implements StsTransport {
  #state: TransportState = "idle";
  #events: TransportEvents | undefined;
  #session: SocketSession | undefined;
  #backoff: Backoff;
  #turn = 0;
  #reconnects = 0;
  #cancelTimer: () => void = () => {};
  #aborter = new AbortController();

  constructor(private readonly options: SocketTransportOptions) {
    if (options.endpoints.length === 0) throw new RangeError("no sidecar endpoint");
    this.#backoff = new Backoff({
      firstMs: options.firstReconnectMs ?? 1000,
      capMs: 30_000,
      jitter: 0.1,
    });
  }

  get state(): TransportState {
    return this.#state;
  }

  get reconnects(): number {
    return this.#reconnects;
  }

  get endpoint(): string {
    return this.#current.shown;
  }

  get #current(): StsEndpoint {
    return this.options.endpoints[this.#turn % this.options.endpoints.length] as StsEndpoint;
  }

  start(events: TransportEvents): void {
    this.#events = events;
    void this.#connect();
  }

  send(wireId: string, fragment: OutgoingFragment): number | undefined {
    return this.#state === "ready" ? this.#session?.send(wireId, fragment) : undefined;
  }

  acknowledge(wireId: string, status: "received" | "applied"): void {
    this.#session?.acknowledge(wireId, status);
  }

  /** A Socket.IO server cannot be told to forget a fragment; its late answer is dropped. */
  abandon(wireId: string): void {
    this.#session?.abandon(wireId);
  }

  flush(): void {
    if (this.#state === "ready") this.#session?.flush();
  }

  async end(withinMs: number): Promise<void> {
    const session = this.#session;
    this.#move("closed", null);
    this.#cancelTimer();
    this.#aborter.abort();
    await session?.finish(withinMs);
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#move("closed", null);
    this.#cancelTimer();
    this.#aborter.abort();
    this.#session?.close();
  }

  #move(state: TransportState, detail: string | null): void {
    if (!moves[this.#state].includes(state)) return;
    this.#state = state;
    this.#events?.onState(state, detail);
  }

  async #connect(): Promise<void> {
    const events = this.#events;
    if (this.#state === "closed" || events === undefined) return;
    this.#move("connecting", null);
    const endpoint = this.#current;
    const reading = await readHealth(endpoint, 5000, this.#aborter.signal);
    if (this.#closed) return;
    if (reading.kind === "unreachable")
      return this.#retry({ kind: "lost", detail: `cannot be reached: ${reading.detail}` });
    if (reading.kind === "starting")
      return this.#retry({ kind: "starting", detail: `is starting: ${reading.detail}` });
    if (reading.kind === "ready") {
      if (reading.engine !== undefined) events.onEngine(reading.engine);
      const { sourceLanguage, targetLanguage } = this.options.wish;
      const problem = unsupportedPair(reading.health, sourceLanguage, targetLanguage);
      if (problem !== undefined) return this.#retry({ kind: "refused", detail: problem });
    }
    const echo = reading.kind === "ready" && reading.engine === "echo";
    await this.#runSession(endpoint, echo, events);
  }

  async #runSession(endpoint: StsEndpoint, echo: boolean, events: TransportEvents): Promise<void> {
    const session = new SocketSession(
      endpoint,
      this.options.wish,
      echo,
      {
        onGrant: (grant) => {
          this.#backoff.reset();
          this.#move("ready", null);
          events.onGrant(grant);
        },
        onEngine: (engine) => events.onEngine(engine),
        onAnswer: (wireId, answer) => events.onAnswer(wireId, answer),
        onRefusedFragment: (wireId, error) => events.onRefusedFragment(wireId, error),
        onBackpressure: (action, delayMs, severity) =>
          events.onBackpressure(action, delayMs, severity),
        onProblem: (code, message) => events.onProblem(code, message),
        onPartial: (partial) => events.onPartial?.(partial),
      },
      this.options.clock,
    );
    this.#session = session;
    const end = await session.ended;
    if (this.#session === session) this.#session = undefined;
    if (!this.#closed) this.#retry(end);
  }

  /** Read through a getter, for the state may change while something is awaited. */
  get #closed(): boolean {
    return this.#state === "closed";
  }

  #retry(end: SessionEnd): void {
    const shown = `${this.endpoint}: ${end.detail}`;
    if (this.#state === "ready") this.#reconnects += 1;
    this.#move(end.kind === "refused" ? "refused" : "disconnected", shown);
    if (end.kind === "starting") this.#backoff.reset(); // it is alive and says so: no need to grow
    const delayMs = Math.max(
      this.#backoff.next(),
      end.kind === "busy" ? busyBackoffMs : 0,
      end.kind === "refused" ? refusedBackoffMs : 0,
    );
    this.#turn += 1;
    this.#cancelTimer = this.options.clock.after(delayMs, () => void this.#connect());
  }
}
