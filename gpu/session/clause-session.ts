import type { Logger } from "../../src/telemetry/log.ts";
import type { StreamUpdate } from "../../src/protocol/sts-session.ts";
import { CarriedClauses } from "./carried-clauses.ts";
import { ClauseBook } from "./clause-book.ts";
import { ClauseDubbing } from "./clause-dubbing.ts";
import { outcomeOf } from "./clause-outcome.ts";
import type { ClauseParts } from "./clause-parts.ts";
import { ClauseRecognition } from "./clause-recognition.ts";
import { missedItsTime, notAccepted } from "./held-failures.ts";
import { assumedAirsInMs, clauseTermsOf, presetMsFor, updatedTerms } from "./clause-terms.ts";
import { AnswerLine } from "./clauses/answer-line.ts";
import type { LineAnswer } from "./clauses/line-answer.ts";
import { clauseCapMs } from "./clauses/cutter-limits.ts";
import type { PartialTranscript } from "./clauses/partial-transcript.ts";
import type { HeardSpeech } from "./clauses/recognition-line.ts";
import { answerBy } from "./clauses/slicer.ts";
import { msOf, sampleAt, SessionTrack } from "./clauses/track.ts";
import { primarySubtag } from "./clauses/words.ts";
import {
  type ClauseTerms,
  type FragmentFailure,
  type FragmentJob,
  type FragmentOutcome,
  type FragmentProcessor,
  type HeldProcessing,
  type SessionTerms,
} from "./fragment-processor.ts";
import { soundOf } from "./fragment-sound.ts";
import { SessionEar } from "./session-ear.ts";

/** Rate of synthesis, and of every dub track. */
const dubRateHz = 24_000;
/** At the end of a stream: a silence that closes whatever was being said. */
const closingSilenceMs = 10_000;
/** Credits left to a client of a file when clauses are cut for it to go on. */
const forcingCredits = 2;

export interface ClauseSessionOptions extends ClauseParts {
  readonly sessionId: string;
  readonly streamId: string;
  readonly terms: SessionTerms;
  readonly maxInflight: number;
  /** For clients that send no deadlines, and for numbers that never come. */
  readonly timeoutMs: number;
  readonly onPartial: (partial: PartialTranscript) => void;
  readonly logger: Logger;
  readonly now?: () => number;
}

interface Held {
  readonly job: FragmentJob;
  readonly startMs: number;
  readonly endMs: number;
  readonly audioMs: number;
  /** Why its audio could not be read: its answer has left. */
  readonly failure: FragmentFailure | undefined;
  readonly resolve: (outcome: Promise<FragmentOutcome>) => void;
}

/**
 * The clause engine of one session: a continuous track, rolling recognition, clauses cut by meaning, each translated
 * and spoken into its own time, and the dub sliced back into fragments that are answered in order, each when all that
 * may sound in it is settled and at the latest in time for the air.
 */
export class ClauseSession implements FragmentProcessor, HeldProcessing {
  readonly held = this;
  readonly #track = new SessionTrack();
  readonly #ear: SessionEar;
  readonly #recognition: ClauseRecognition;
  readonly #answers: AnswerLine;
  readonly #book = new ClauseBook();
  readonly #dubbing: ClauseDubbing;
  readonly #carried = new CarriedClauses();
  readonly #fragments = new Map<number, Held>();
  readonly #language: string;
  readonly #live: boolean;
  #terms: ClauseTerms;
  #intake: Promise<void> = Promise.resolve();
  /** Clock time less track time at which a moment airs; undefined in a file. */
  #airOffsetMs: number | undefined;
  #wake: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  #closed = false;
  #stepping = false;
  #changed = false;

  constructor(readonly options: ClauseSessionOptions) {
    const { terms, stages, timeoutMs, costs } = options;
    this.#terms = clauseTermsOf(terms);
    this.#live = terms.pacing !== "file";
    this.#language = primarySubtag(terms.sourceLanguage);
    this.#ear = new SessionEar(this.#track, (request) => stages.detect(request));
    this.#recognition = new ClauseRecognition({
      ...options,
      language: this.#language,
      live: this.#live,
      track: this.#track,
      capMs: this.#capMs(),
      airsAtMs: (trackMs) => this.#airsAtMs(trackMs),
      onClause: (clause, asrMs) => this.#dubbing.begin(clause, this.#terms, asrMs),
      onPassed: () => this.#step(),
      onPartial: (partial) =>
        options.onPartial({ ...partial, startMs: this.#sessionMs(partial.startMs) }),
      isClosed: () => this.#closed,
      now: () => this.#now(),
    });
    this.#answers = new AnswerLine({
      languages: this.#terms.targets,
      dubRateHz,
      holeTimeoutMs: timeoutMs,
    });
    this.#dubbing = new ClauseDubbing({
      ...options,
      source: this.#language,
      live: this.#live,
      dubRateHz,
      answers: this.#answers,
      book: this.#book,
      costs,
      following: () => this.#recognition.following(),
      airsAtMs: (trackMs) => this.#airsAtMs(trackMs),
      onSettled: () => this.#step(),
      isClosed: () => this.#closed,
      now: () => this.#now(),
    });
  }

  get terms(): ClauseTerms {
    return this.#terms;
  }

  /** What is kept at this moment; bounded however long the session is. */
  get holds() {
    const { heldBytes: soundBytes } = this.#track;
    const { size: carried } = this.#carried;
    return { fragments: this.#fragments.size, soundBytes, carried, ...this.#dubbing.holds };
  }

  /** Nothing of a session waits unseen: its queue is bounded by its credit, its work by the scheduler. */
  waiting(): number {
    return 0;
  }

  process(job: FragmentJob): Promise<FragmentOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<FragmentOutcome>();
    this.#intake = this.#intake.then(() => this.#take(job, resolve, reject));
    return promise;
  }

  update(update: StreamUpdate): ClauseTerms {
    this.#terms = updatedTerms(this.#terms, update);
    this.#answers.retarget(this.#terms.targets);
    return this.#terms;
  }

  end(): void {
    this.#intake = this.#intake.then(() => {
      if (this.#closed || this.#ended) return;
      this.#ended = true;
      this.#answers.end();
      this.#hearClosingSilence();
      this.#step();
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#wake);
    this.options.scheduler.cancel(this.options.sessionId);
    this.#fragments.clear();
  }

  /** Takes one fragment, after the one before it: sound onto the track, then to the ear, then on. */
  async #take(
    job: FragmentJob,
    resolve: (outcome: Promise<FragmentOutcome>) => void,
    reject: (failure: FragmentFailure) => void,
  ): Promise<void> {
    if (this.#closed) return;
    const { samples, audioMs, failure } = await soundOf(this.options.codec, job);
    if (failure !== undefined) reject(failure); // its time goes on without sound
    const placement = this.#track.append({
      ...(samples ? { samples } : { durationMs: audioMs }),
      ptsNs: job.ptsNs,
    });
    const startMs = msOf(placement.pieceStartSample);
    const endMs = startMs + audioMs;
    if (placement.jumped) this.#closeSpeech();
    const airsInMs = this.#live
      ? (job.airsInMs ?? assumedAirsInMs(this.options.terms, audioMs))
      : undefined;
    if (airsInMs !== undefined) this.#airOffsetMs = job.receivedAtMs + airsInMs - startMs;
    const accepted = this.#answers.accept({
      fragmentId: job.fragmentId,
      sequence: job.sequenceNumber,
      startMs,
      endMs,
      receivedAtMs: job.receivedAtMs,
      answerByMs: answerBy(
        this.#live ? "live" : "file",
        job.receivedAtMs,
        airsInMs,
        this.options.timeoutMs,
      ),
    });
    if (accepted === "accepted")
      this.#fragments.set(job.sequenceNumber, { job, startMs, endMs, audioMs, failure, resolve });
    else reject(notAccepted(accepted));
    this.#hear(await this.#ear.hear());
    this.#step();
  }

  #hear(news: HeardSpeech | undefined): void {
    if (news !== undefined && !this.#closed) this.#recognition.heard(news);
  }

  /** The clock jumped: what was being said ends here, nothing joins across. */
  #closeSpeech(): void {
    this.#hear(this.#ear.close());
    this.#recognition.forget();
  }

  #hearClosingSilence(): void {
    this.#hear(this.#ear.close());
    this.#recognition.heard({ heardUntilMs: msOf(this.#track.endSample) + closingSilenceMs });
  }

  /** Does whatever can be done now: cuts, asks for a pass, answers. Asked again whenever something has changed. */
  #step(): void {
    this.#changed = true;
    if (this.#stepping) return; // what a step sets off is seen by its next round
    this.#stepping = true;
    try {
      while (this.#changed && !this.#closed) {
        this.#changed = false;
        this.#recognition.step(this.#capMs(), this.#isPressed(), this.#ended);
        this.#answer();
      }
      this.#track.release(sampleAt(this.#recognition.releasableMs));
    } finally {
      this.#stepping = false;
    }
  }

  /** A file's client has (almost) no credit left and waits for us, and nothing is on the way that would free it. */
  #isPressed(): boolean {
    if (this.#live || this.#ended) return false;
    const left = this.options.maxInflight - this.#fragments.size;
    return left <= Math.min(forcingCredits, this.options.maxInflight - 1) && this.#book.size === 0;
  }

  #answer(): void {
    const nowMs = this.#now();
    for (const answer of this.#answers.advance(nowMs, this.#uncutFromMs())) this.#settle(answer);
    clearTimeout(this.#wake);
    const wakeMs = this.#answers.nextWakeMs();
    if (wakeMs === undefined) return;
    this.#wake = setTimeout(() => this.#step(), Math.max(0, Math.ceil(wakeMs - this.#now())));
  }

  /** Where a clause that is not cut yet could begin; nowhere once all is said and cut. */
  #uncutFromMs(): number {
    const isQuiet = !this.#recognition.isAtWork;
    if (this.#ended && isQuiet) return Number.POSITIVE_INFINITY;
    if (isQuiet && this.#isPressed()) return msOf(this.#track.endSample) + 1;
    return this.#recognition.uncutFromMs;
  }

  #settle(answer: LineAnswer): void {
    const { verdict } = answer;
    const clauses = this.#book.messages(answer.notices, (trackMs) => this.#sessionMs(trackMs));
    this.#dubbing.told(answer.notices);
    const { warnings, ...timings } = this.#dubbing.costOf(clauses); // of answers that failed too: told means over
    if (verdict.kind === "hole") return;
    const held = this.#fragments.get(verdict.fragment.sequence);
    this.#fragments.delete(verdict.fragment.sequence);
    if (held === undefined || held.failure) return this.#carried.keep(clauses);
    if (answer.dub === undefined) {
      this.#carried.keep(clauses);
      this.options.observer.missed(this.options.streamId);
      return held.resolve(Promise.reject(missedItsTime(clauses.map((one) => one.source_text))));
    }
    const carried = this.#carried.take();
    const outcome = outcomeOf({
      ...held,
      verdict: verdict.kind,
      dub: answer.dub,
      dubRateHz,
      ...{ carried, clauses, book: this.#book },
      targets: this.#terms.targets,
      speech: this.#recognition.speechWithin(held.startMs, held.endMs),
      timings,
      warnings,
      models: this.options.models(),
      terms: this.options.terms,
      codec: this.options.codec,
      answeredAtMs: this.#now(),
    });
    held.resolve(outcome);
    outcome.catch(() => this.#carried.keep([...carried, ...clauses]));
  }

  #capMs(): number {
    const { terms, costs } = this.options;
    const delayMs = this.#live ? terms.playoutDelayMs : undefined;
    return clauseCapMs(presetMsFor(terms), delayMs, costs.usualSynthesisRtf, costs.usualPassMs);
  }

  #airsAtMs(trackMs: number): number {
    return this.#airOffsetMs === undefined ? Number.POSITIVE_INFINITY : this.#airOffsetMs + trackMs;
  }

  #sessionMs(trackMs: number): number {
    return this.#track.ptsMsAt(sampleAt(trackMs));
  }

  #now(): number {
    return (this.options.now ?? (() => performance.now()))();
  }
}
