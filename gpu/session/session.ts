import type {
  FragmentData,
  FragmentProcessedMessage,
  WorkerAck,
} from "../../src/protocol/sts-fragment.ts";
import type { Logger } from "../../src/telemetry/log.ts";
import { failedMessage, processedMessage, type AnswerHeader } from "./answer-message.ts";
import { AnswerStore } from "./answer-store.ts";
import { BackpressureSignal } from "./backpressure-signal.ts";
import { asFailure, startFragment, type RunningFragment } from "./running-fragment.ts";
import type { FragmentFailure, FragmentProcessor, SessionTerms } from "./fragment-processor.ts";
import type { LoadPolicy } from "./load-policy.ts";
import { Sequencer, type SkippedHole } from "./sequencer.ts";
import type { SessionObserver, SessionPeer } from "./session-peer.ts";
import { SessionStatistics } from "./statistics.ts";

/** Audio that one session may have in flight; a single fragment always fits. */
const mostBytesInFlight = 64 * 1024 * 1024;
/** A stream without time limits still does not wait for ever for a number that was lost. */
const holeTimeoutOfFilesMs = 120_000;

export interface SessionOptions {
  readonly streamId: string;
  readonly workerId: string;
  readonly terms: SessionTerms;
  readonly maxInflight: number;
  readonly timeoutMs: number;
  /** Answers carry bytes as attachments. */
  readonly binaryAudio: boolean;
  /** The client knows our extensions. */
  readonly extended: boolean;
  /** Fragments that may wait for the engine; one more is refused. */
  readonly queueMaxDepth: number;
  /** Answers kept for a client that sends a fragment again. */
  readonly answersKept: number;
  readonly policy: LoadPolicy;
  readonly processor: FragmentProcessor;
  readonly peer: SessionPeer;
  readonly observer: SessionObserver;
  readonly logger: Logger;
}

/** An answer that waits for its turn. */
interface Answer {
  readonly fragment: RunningFragment;
  readonly readyAtMs: number;
  readonly message: FragmentProcessedMessage;
  /** Time that the processor only held it, beside what it waits here for its turn. */
  readonly heldMs: number;
}

/**
 * One stream's session, from `stream:init` to its end: fragments in, answers out in strict order, with
 * limits, backpressure and statistics. Owned by its connection, which calls {@link close}.
 */
export class Session {
  readonly id = crypto.randomUUID();
  readonly statistics = new SessionStatistics();
  #state: "active" | "paused" | "ending" | "completed" | "closed" = "active";
  readonly #sequencer: Sequencer<Answer>;
  readonly #inFlight = new Map<number, RunningFragment>();
  readonly #answers: AnswerStore;
  readonly #backpressure: BackpressureSignal;
  #bytesInFlight = 0;
  #holeTimer: ReturnType<typeof setTimeout> | undefined;
  #idle: (() => void)[] = [];
  #lengthWarned = false;

  constructor(readonly options: SessionOptions) {
    const { terms, timeoutMs, maxInflight, streamId, policy } = options;
    this.#sequencer = new Sequencer(terms.pacing === "file" ? holeTimeoutOfFilesMs : timeoutMs);
    this.#answers = new AnswerStore(options.answersKept);
    this.#backpressure = new BackpressureSignal(streamId, policy, maxInflight);
    options.observer.sessionOpened(streamId);
  }

  get state() {
    return this.#state;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Takes a fragment, or refuses it; a refused one uses up no number. */
  take(data: FragmentData): void {
    const { peer, streamId, maxInflight, processor, policy } = this.options;
    const fragmentId = data.fragment_id;
    const refuse: SessionPeer["refuse"] = (code, message, context) =>
      peer.refuse(code, message, { streamId, fragmentId, ...context });
    if (data.stream_id !== streamId)
      return refuse(
        "STREAM_NOT_FOUND",
        `this connection carries another stream; send stream:init for this one first`,
      );
    if (this.#state !== "active" && this.#state !== "paused")
      return refuse("STREAM_NOT_FOUND", "the stream has ended; send stream:init to begin anew");
    const stored = this.#answers.find(fragmentId);
    if (stored !== undefined) {
      this.#ack(fragmentId);
      return peer.send("fragment:processed", stored);
    }
    if (this.#inFlight.get(data.sequence_number)?.fragmentId === fragmentId)
      return this.#ack(fragmentId); // sent twice: its one answer is on the way
    if (this.#state === "paused")
      return refuse("STREAM_PAUSED", "the stream is paused; send stream:resume first");
    const verdict = this.#sequencer.check(data.sequence_number);
    if (!verdict.ok) {
      const { expected, got } = verdict;
      const message = `sequence_number ${got} is out of order; ${expected} is expected`;
      return refuse("INVALID_SEQUENCE", message, { metadata: { expected, got } });
    }
    const most = policy.refuseAbove(maxInflight);
    if (most !== undefined && this.#inFlight.size >= most)
      return refuse("BACKPRESSURE_EXCEEDED", `${most} fragments are in flight; wait for answers`);
    const audioLength = data.audio.data?.byteLength ?? data.audio.data_base64?.length ?? 0;
    if (
      processor.waiting(this.id) >= this.options.queueMaxDepth ||
      (this.#inFlight.size > 0 && this.#bytesInFlight + audioLength > mostBytesInFlight)
    )
      return refuse("QUEUE_FULL", "too many fragments wait for the engine; send more slowly");
    this.#accept(data, audioLength);
  }

  /** The client's own acknowledgement: statistics only. */
  workerAck(ack: WorkerAck): void {
    this.statistics.addWorkerAck(ack.status);
  }

  /** New fragments are refused until {@link resume}; those in flight finish. */
  pause(): void {
    if (this.#state === "active") this.#state = "paused";
    else this.options.logger.info({ state: this.#state }, "stream:pause has no effect");
  }

  resume(): void {
    if (this.#state === "paused") this.#state = "active";
    else this.options.logger.info({ state: this.#state }, "stream:resume has no effect");
  }

  /** No more fragments: `stream:complete` follows when those in flight are out. */
  end(): void {
    if (this.#state === "completed") return this.#sendComplete();
    if (this.#state === "closed" || this.#state === "ending") return;
    this.#state = "ending";
    this.options.processor.held?.end();
    this.#leave(this.#sequencer.drainPastHoles());
    this.#completeWhenEmpty();
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    if (this.#inFlight.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Answers everything in flight as failed, for a server that must go. */
  failInFlight(failure: FragmentFailure): void {
    for (const fragment of this.#inFlight.values()) {
      this.#settle(fragment, { failure });
      fragment.abort();
    }
    this.#leave(this.#sequencer.drainPastHoles());
  }

  /** Drops the session and its queue at once; safe to call twice. */
  close(): void {
    if (this.#state === "closed") return;
    const completed = this.#state === "completed";
    this.#state = "closed";
    clearTimeout(this.#holeTimer);
    this.options.processor.held?.close();
    for (const fragment of this.#inFlight.values()) fragment.abort();
    this.#inFlight.clear();
    this.#wakeIdle();
    if (!completed) this.options.observer.sessionClosed(this.options.streamId);
  }

  #accept(data: FragmentData, audioLength: number): void {
    const { observer, streamId, terms, timeoutMs, processor } = this.options;
    this.#sequencer.accept(data.sequence_number, performance.now());
    this.#ack(data.fragment_id);
    const fragment = startFragment(data, audioLength, {
      session: this.options,
      queue: this.id,
      timeoutMs: terms.pacing === "file" || processor.held ? undefined : timeoutMs,
      onSettled: (settled, result) => {
        if (this.#state === "closed") return;
        this.#settle(settled, result);
        const givenUpBelow = processor.held ? settled.sequenceNumber : 0;
        this.#leave(this.#sequencer.drain(performance.now(), givenUpBelow));
        this.#completeWhenEmpty();
      },
      onLengthDiffers: (detail) => {
        if (this.#lengthWarned) return;
        this.#lengthWarned = true;
        this.options.logger.warn(detail, "duration_ms differs from the audio; the bytes are right");
      },
    });
    this.#inFlight.set(data.sequence_number, fragment);
    this.#bytesInFlight += audioLength;
    observer.inFlight(streamId, this.#inFlight.size, this.options.processor.waiting(this.id));
    this.#tellLoad();
    this.#watchHole();
  }

  #ack(fragmentId: string): void {
    this.options.peer.send("fragment:ack", {
      fragment_id: fragmentId,
      status: "queued",
      queue_position: this.#inFlight.size,
      timestamp: Date.now(),
    });
  }

  #settle(fragment: RunningFragment, result: Parameters<RunningFragment["onSettled"]>[1]): void {
    const readyAtMs = performance.now();
    const heldMs = "outcome" in result ? (result.outcome.heldMs ?? 0) : 0;
    const header: AnswerHeader = {
      fragmentId: fragment.fragmentId,
      streamId: this.options.streamId,
      sequenceNumber: fragment.sequenceNumber,
      processingTimeMs: Math.max(0, Math.round(readyAtMs - fragment.receivedAtMs - heldMs)),
      binaryAudio: this.options.binaryAudio,
      extended: this.options.extended,
      gpuUtilization: this.options.observer.gpuUtilization(),
    };
    const message =
      "outcome" in result
        ? processedMessage(header, result.outcome)
        : failedMessage(header, asFailure(result.failure));
    this.#sequencer.settle(fragment.sequenceNumber, { fragment, readyAtMs, message, heldMs });
  }

  /** Sends what may leave, and says which numbers were given up. */
  #leave(due: { readonly answers: Answer[]; readonly holes: SkippedHole[] }): void {
    const { peer, streamId } = this.options;
    for (const { expected, got } of due.holes)
      peer.refuse(
        "INVALID_SEQUENCE",
        `sequence_number ${expected} never came; going on at ${got}`,
        {
          streamId,
          metadata: { expected, got },
        },
      );
    for (const answer of due.answers) this.#emit(answer);
    if (due.answers.length > 0) this.#tellLoad();
    this.#watchHole();
  }

  #emit({ fragment, readyAtMs, message, heldMs: heldBeforeMs }: Answer): void {
    const { peer, observer, streamId, extended, processor } = this.options;
    this.#inFlight.delete(fragment.sequenceNumber);
    this.#bytesInFlight -= fragment.audioLength;
    const heldMs = Math.round(heldBeforeMs + performance.now() - readyAtMs);
    const sent = extended ? { ...message, held_ms: heldMs } : message;
    peer.send("fragment:processed", sent);
    this.#answers.keep(sent);
    const processingTimeMs = message.processing_time_ms;
    const counted = { status: message.status, processingTimeMs, error: message.error };
    this.statistics.add({ ...counted, durationMs: fragment.durationMs() });
    observer.fragmentAnswered({ streamId, ...counted });
    if (message.error !== undefined) this.#logFailure(fragment, message.error);
    observer.inFlight(streamId, this.#inFlight.size, processor.waiting(this.id));
    if (this.#inFlight.size === 0) this.#wakeIdle();
  }

  #logFailure(
    fragment: RunningFragment,
    error: NonNullable<FragmentProcessedMessage["error"]>,
  ): void {
    const { fragmentId, sequenceNumber: batchNumber } = fragment;
    const { code, stage } = error;
    this.options.logger.warn({ fragmentId, batchNumber, code, stage }, error.message);
  }

  #tellLoad(): void {
    const waiting = this.options.processor.waiting(this.id);
    const message = this.#backpressure.update(this.#inFlight.size, waiting);
    if (message !== undefined) this.options.peer.send("backpressure", message);
  }

  #watchHole(): void {
    clearTimeout(this.#holeTimer);
    const atMs = this.#sequencer.holeExpiresAtMs();
    if (atMs === undefined) return;
    const waitMs = Math.max(0, Math.ceil(atMs - performance.now()));
    this.#holeTimer = setTimeout(() => {
      this.#leave(this.#sequencer.drain(performance.now()));
      this.#completeWhenEmpty();
    }, waitMs);
  }

  #completeWhenEmpty(): void {
    if (this.#state !== "ending" || this.#inFlight.size > 0) return;
    this.#state = "completed";
    const { answered: fragments, workerAcks } = this.statistics;
    this.options.logger.info({ fragments, ...workerAcks }, "stream complete");
    this.#sendComplete();
    this.options.observer.sessionClosed(this.options.streamId);
    this.options.peer.completed();
  }

  #sendComplete(): void {
    const message = this.statistics.completeMessage(this.options.streamId);
    this.options.peer.send("stream:complete", message);
  }

  #wakeIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
