import { asAttemptError, failureOf } from "./answer-failure.ts";
import { type Attempt, Attempts, type Entry } from "./attempts.ts";
import type { FragmentBreaker } from "./breaker.ts";
import type { Clock } from "./clock.ts";
import type { Counters } from "./counters.ts";
import {
  AttemptError,
  type FragmentAnswer,
  type FragmentOutcome,
  type OutgoingFragment,
} from "./fragment.ts";
import { RetryRule } from "./retry-rule.ts";
import type { Throttle } from "./throttle.ts";
import { answerWithinMs, isQueueTooLong } from "./time-limits.ts";
import type { StsTransport } from "./transport.ts";

export interface DispatcherOptions {
  readonly transport: StsTransport;
  readonly pacing: "live" | "file";
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly breaker: FragmentBreaker;
  readonly throttle: Throttle;
  readonly counters: Counters;
  readonly clock: Clock;
  /** A fragment was answered under this id on the wire. */
  readonly onAnswered: (fragmentId: string, wireId: string) => void;
  /** A fragment fell back because of the sidecar. */
  readonly onFailure: (failure: AttemptError) => void;
}

/** An answer must be there this long before its first sample airs: decoding, resampling, the way to the relay. */
const airMarginMs = 150;

/**
 * Hands fragments to the sidecar: credit, queue, deadlines, timeouts, retries, breaker, backpressure.
 * Every fragment is settled exactly once. Live, time decides and nothing waits for long; with pacing `file`
 * a fragment waits as long as it must, and is sent again a bounded number of times.
 */
export class Dispatcher {
  #queue: Entry[] = [];
  #attempts = new Attempts();
  /** Entries that wait out the delay before a retry. */
  #delayed = new Set<Entry>();
  #retry: RetryRule;
  #maxInflight = 0;
  /** Whether the session, or the last one, works by clauses; undefined before the first. */
  #held: boolean | undefined;
  #cancelPump: () => void = () => {};
  #flushing = false;
  #closed = false;

  constructor(private readonly options: DispatcherOptions) {
    this.#retry = new RetryRule(options.pacing, options.maxRetries);
  }

  /** Fragments at the sidecar. */
  get inflight(): number {
    return this.#attempts.size;
  }

  get #live(): boolean {
    return this.options.pacing === "live";
  }

  /** Takes a fragment on; the promise never rejects. */
  submit(fragment: OutgoingFragment): Promise<FragmentOutcome> {
    return new Promise((resolve) => {
      const entry: Entry = {
        fragment,
        tries: 0,
        settled: false,
        sequenceNumber: undefined,
        sentAtMs: undefined,
        cancelDeadline: () => {},
        settle: (outcome) => {
          if (entry.settled) return;
          entry.settled = true;
          entry.cancelDeadline();
          resolve(outcome);
        },
      };
      if (this.#held !== undefined && (fragment.held ?? false) !== this.#held)
        return this.#fail(entry, "unavailable", "it was cut for another kind of session");
      this.#watchDeadline(entry);
      this.#queue.push(entry);
      this.pump();
    });
  }

  /**
   * A session is open and grants this many fragments at once.
   *
   * @param held whether it works by clauses; fragments cut for the other kind of session fall back
   */
  grant(maxInflight: number, held: boolean): void {
    this.#maxInflight = maxInflight;
    this.#held = held;
    const unfit = this.#queue.filter(({ fragment }) => (fragment.held ?? false) !== held);
    this.#queue = this.#queue.filter((entry) => !unfit.includes(entry));
    for (const entry of unfit)
      this.#fail(entry, "unavailable", "it was cut before the session told how it works");
    this.pump();
  }

  /** No further fragment comes: once all are sent, the session is told, and again each one that takes its place. */
  flush(): void {
    this.#flushing = true;
    this.pump();
  }

  /** The session is gone: what was in flight falls back at once, or goes again with pacing `file`. */
  lose(): void {
    for (const attempt of this.#attempts.drain())
      attempt.reject(
        new AttemptError("disconnected", "the session was lost", "DISCONNECTED", true),
      );
  }

  /** Whatever waits falls back now. */
  failWaiting(reason: string, message: string): void {
    for (const entry of [...this.#queue.splice(0), ...this.#delayed])
      this.#fail(entry, reason, message);
    this.#delayed.clear();
  }

  close(): void {
    this.#closed = true;
    this.#cancelPump();
    for (const attempt of this.#attempts.drain())
      attempt.reject(new AttemptError("closed", "the client was closed", "CLOSED", false));
    this.failWaiting("closed", "the client was closed");
  }

  /** Sends what may be sent now. */
  pump(): void {
    this.#cancelPump();
    const { transport, clock, throttle } = this.options;
    while (!this.#closed && this.#queue.length > 0 && transport.state === "ready") {
      if (this.#live && !this.options.breaker.admits()) {
        this.options.counters.add("breaker_fallbacks", this.#queue.length);
        for (const entry of this.#queue.splice(0))
          this.#fail(entry, "breaker_open", "the circuit breaker is open");
        break;
      }
      if (this.#attempts.size >= this.#maxInflight) break;
      const waitMs = throttle.waitMs();
      if (waitMs > 0) {
        this.#cancelPump = clock.after(waitMs, () => this.pump());
        break;
      }
      const entry = this.#queue.shift() as Entry;
      if (this.#retry.hopeless(entry.fragment, clock.now() + airMarginMs)) {
        this.options.counters.add("shed");
        this.#fail(entry, "overload", "the sidecar is too slow to answer it in time");
      } else if (!this.#send(entry)) {
        this.#queue.unshift(entry);
        break;
      }
    }
    if (this.#live) this.#shortenQueue();
    const allSent = this.#queue.length === 0 && this.#delayed.size === 0;
    if (this.#flushing && allSent && transport.state === "ready") transport.flush?.();
  }

  /** An answer has arrived; `received` is acknowledged by the caller of the transport. */
  answer(wireId: string, answer: FragmentAnswer): void {
    const { counters, clock, transport } = this.options;
    const attempt = this.#attempts.get(wireId);
    if (attempt === undefined) {
      counters.add(`${this.#attempts.stray(wireId)}_answers`);
      return;
    }
    this.#attempts.remove(attempt, "duplicate");
    transport.acknowledge(wireId, "received");
    const held = attempt.entry.fragment.held ?? false;
    if (!held) this.#retry.observe(clock.now() - attempt.sentAtMs);
    counters.add(`fragments_${answer.status}`);
    if (attempt.entry.settled) counters.add("late_answers");
    const failure = failureOf(answer, held);
    // Words that missed their time are no sign of illness: a session that says so is alive.
    if (failure === undefined || (held && failure.code === "TIMEOUT")) attempt.resolve(answer);
    else attempt.reject(failure);
    this.pump();
  }

  /** The server refused a fragment without an answer of its own. */
  refuse(wireId: string, error: NonNullable<FragmentAnswer["error"]>): void {
    const attempt = this.#attempts.get(wireId);
    if (attempt === undefined) return;
    this.#attempts.remove(attempt, "unknown");
    attempt.reject(asAttemptError(error));
    this.pump();
  }

  #watchDeadline(entry: Entry): void {
    const { airsAtMs } = entry.fragment;
    if (!this.#live || airsAtMs === undefined) return;
    const leftMs = Math.max(0, airsAtMs - airMarginMs - this.options.clock.now());
    entry.cancelDeadline = this.options.clock.after(leftMs, () => this.#onDeadline(entry));
  }

  /**
   * Too late for the air. What is in flight stays so: the sidecar is still at work on it, and whether it
   * is ill only its answer, or the timeout, will tell the breaker.
   */
  #onDeadline(entry: Entry): void {
    if (this.#queue.includes(entry)) {
      this.#queue = this.#queue.filter((other) => other !== entry);
      this.#fail(entry, this.#waitingReason, "not sent before its air time");
    } else {
      this.#fail(entry, "deadline", "no answer before its air time");
    }
  }

  /** Why a fragment was never sent. */
  get #waitingReason(): "overload" | "unavailable" {
    return this.options.transport.state === "ready" ? "overload" : "unavailable";
  }

  #shortenQueue(): void {
    while (isQueueTooLong(this.#queue)) {
      this.options.counters.add("queue_dropped");
      this.#fail(this.#queue.shift() as Entry, this.#waitingReason, "more wait than may");
    }
  }

  #send(entry: Entry): boolean {
    const { transport, clock, breaker } = this.options;
    // A server answers a repeated id with its stored answer, so a retry goes under a new one.
    const wireId = entry.tries === 0 ? entry.fragment.fragmentId : crypto.randomUUID();
    const sequenceNumber = transport.send(wireId, entry.fragment);
    if (sequenceNumber === undefined) return false;
    const result = Promise.withResolvers<FragmentAnswer>();
    const attempt: Attempt = {
      wireId,
      entry,
      sequenceNumber,
      sentAtMs: clock.now(),
      resolve: result.resolve,
      reject: result.reject,
      cancelTimeout: () => {},
    };
    const timeoutMs = answerWithinMs(entry.fragment, this.options.timeoutMs, clock.now());
    if (this.#live)
      attempt.cancelTimeout = clock.after(timeoutMs, () => this.#onTimeout(attempt, timeoutMs));
    entry.tries += 1;
    entry.sequenceNumber = sequenceNumber;
    entry.sentAtMs = attempt.sentAtMs;
    this.#attempts.add(attempt);
    this.options.throttle.sent();
    this.options.counters.add("fragments_sent");
    const run = this.#live ? breaker.run(() => result.promise) : result.promise;
    void run.then(
      (answer) => this.#succeed(attempt, answer),
      (error: unknown) => this.#onAttemptFailed(attempt, error),
    );
    return true;
  }

  #onTimeout(attempt: Attempt, timeoutMs: number): void {
    this.#attempts.remove(attempt, "late");
    this.options.transport.abandon(attempt.wireId);
    this.options.counters.add("timeouts");
    attempt.reject(new AttemptError("timeout", `no answer in ${timeoutMs} ms`, "TIMEOUT", true));
    this.pump();
  }

  #succeed({ entry, wireId, sequenceNumber, sentAtMs }: Attempt, answer: FragmentAnswer): void {
    if (entry.settled) return;
    const failure = failureOf(answer, entry.fragment.held ?? false);
    if (failure !== undefined) {
      this.options.onFailure(failure);
      return this.#fail(entry, failure.reason, failure.message);
    }
    this.options.onAnswered(entry.fragment.fragmentId, wireId);
    const roundTripMs = this.options.clock.now() - sentAtMs;
    entry.settle({ kind: "answered", answer, sequenceNumber, roundTripMs });
  }

  #onAttemptFailed({ entry }: Attempt, error: unknown): void {
    if (entry.settled) return;
    const failure =
      error instanceof AttemptError
        ? error
        : new AttemptError("breaker_open", String(error), "CLOSED", false);
    const verdict = this.#retry.decide(entry, failure, this.options.clock.now() + airMarginMs);
    if (verdict === undefined || this.#closed) {
      this.options.onFailure(failure);
      return this.#fail(entry, failure.reason, failure.message);
    }
    this.options.counters.add("retries");
    if (verdict.afterMs === 0) return this.#again(entry);
    this.#delayed.add(entry);
    this.options.clock.after(verdict.afterMs, () => {
      if (this.#delayed.delete(entry)) this.#again(entry);
    });
  }

  /** Back into the queue, at its place in stream time. */
  #again(entry: Entry): void {
    const later = this.#queue.findIndex(
      (other) => other.fragment.startSample > entry.fragment.startSample,
    );
    if (later < 0) this.#queue.push(entry);
    else this.#queue.splice(later, 0, entry);
    this.pump();
  }

  #fail(entry: Entry, reason: string, message: string): void {
    if (entry.settled) return;
    const { counters, clock } = this.options;
    counters.add("fallbacks");
    counters.add(`fallback_${reason}`);
    const { sequenceNumber, sentAtMs } = entry;
    const roundTripMs = sentAtMs === undefined ? undefined : clock.now() - sentAtMs;
    entry.settle({ kind: "failed", reason, message, sequenceNumber, roundTripMs });
  }
}
