import type { Logger } from "../../src/telemetry/log.ts";
import type { StreamUpdate } from "../../src/protocol/sts-session.ts";
import type { TranscribeResult } from "../inference/stages.ts";
import { ClauseBook } from "./clause-book.ts";
import { ClauseDubbing } from "./clause-dubbing.ts";
import { outcomeOf } from "./clause-outcome.ts";
import type { ClauseParts } from "./clause-parts.ts";
import { type ClauseTerms, clauseTermsOf, presetMsFor, updatedTerms } from "./clause-terms.ts";
import { AnswerLine, type LineAnswer } from "./clauses/answer-line.ts";
import type { Clause } from "./clauses/clause-cutter.ts";
import { clauseCapMs } from "./clauses/cutter-limits.ts";
import type { DecodePlan } from "./clauses/decode-plan.ts";
import type { PartialTranscript } from "./clauses/partial-transcript.ts";
import { afterRejection, noPrompt, promptText, withAccepted } from "./clauses/prompt-policy.ts";
import { type HeardSpeech, RecognitionLine } from "./clauses/recognition-line.ts";
import { answerBy, answerLeadMs } from "./clauses/slicer.ts";
import { SessionTrack, trackRateHz } from "./clauses/track.ts";
import type { ShedReason, Worth } from "./clauses/work.ts";
import { primarySubtag } from "./clauses/words.ts";
import {
  FragmentFailure,
  type FragmentJob,
  type FragmentOutcome,
  type FragmentProcessor,
  type HeldProcessing,
  type SessionTerms,
} from "./fragment-processor.ts";
import { overDeaths } from "./passing-failure.ts";
import { SessionEar } from "./session-ear.ts";

/** Rate of synthesis, and of every dub track. */
const dubRateHz = 24_000;
/** At the end of a stream: a silence that closes whatever was being said. */
const closingSilenceMs = 10_000;
/** Credits left to a client of a file when clauses are cut for it to go on. */
const forcingCredits = 2;
/** Of a client that sends no deadlines: what the way to it and its own work take. */
const unknownWayMs = 200;
/** A clause is worth recognising until it would start this late. */
const latestStartMs = 1500;

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
  readonly #line: RecognitionLine;
  readonly #answers: AnswerLine;
  readonly #book = new ClauseBook();
  readonly #dubbing: ClauseDubbing;
  readonly #fragments = new Map<number, Held>();
  readonly #language: string;
  readonly #live: boolean;
  #terms: ClauseTerms;
  #prompt = noPrompt;
  #intake: Promise<void> = Promise.resolve();
  /** Clock time less track time at which a moment airs; undefined in a file. */
  #airOffsetMs: number | undefined;
  #passAsrMs = 0;
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
    this.#line = new RecognitionLine(this.#language, this.#capMs());
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
      silences: () => this.#line.silences(),
      airsAtMs: (trackMs) => this.#airsAtMs(trackMs),
      onSettled: () => this.#step(),
      isClosed: () => this.#closed,
      now: () => this.#now(),
    });
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
    let samples: Float32Array | undefined;
    let audioMs = job.audio.durationMs;
    if (job.speech) {
      try {
        const decoded = await this.options.codec.decode(job.audio, job.signal);
        samples = decoded.pcm16k;
        audioMs = decoded.durationMs;
      } catch (error) {
        reject(asFailure(error)); // its time goes on without sound
      }
    }
    const placement = this.#track.append({
      ...(samples ? { samples } : { durationMs: audioMs }),
      ptsNs: job.ptsNs,
    });
    const startMs = msOf(placement.pieceStartSample);
    const endMs = startMs + audioMs;
    if (placement.jumped) this.#closeSpeech();
    const airsInMs = this.#live ? (job.airsInMs ?? this.#assumedAirsInMs(audioMs)) : undefined;
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
      this.#fragments.set(job.sequenceNumber, { job, startMs, endMs, audioMs, resolve });
    else reject(notAccepted(accepted));
    this.#hear(await this.#ear.hear());
    this.#step();
  }

  #hear(news: HeardSpeech | undefined): void {
    if (news !== undefined && !this.#closed) this.#line.heard(news);
  }

  /** The clock jumped: what was being said ends here, nothing joins across. */
  #closeSpeech(): void {
    this.#hear(this.#ear.close());
    this.#prompt = noPrompt;
  }

  #hearClosingSilence(): void {
    this.#hear(this.#ear.close());
    this.#line.heard({ heardUntilMs: msOf(this.#track.endSample) + closingSilenceMs });
  }

  /** Does whatever can be done now: cuts, asks for a pass, answers. Asked again whenever something has changed. */
  #step(): void {
    this.#changed = true;
    if (this.#stepping) return; // what a step sets off is seen by its next round
    this.#stepping = true;
    try {
      while (this.#changed && !this.#closed) {
        this.#changed = false;
        this.#line.capMs = this.#capMs();
        for (const clause of this.#line.cut()) this.#dub(clause);
        this.#recognise();
        this.#answer();
      }
      this.#track.release(Math.floor((this.#line.releasableMs() * trackRateHz) / 1000));
    } finally {
      this.#stepping = false;
    }
  }

  #recognise(): void {
    const isPressed = this.#isPressed();
    const plan = this.#line.plan(this.options.costs.passMs);
    if (plan !== undefined) return this.#submitPass(plan);
    if (this.#line.passUnderWay !== undefined) return;
    if (isPressed) {
      const forced = this.#line.planForced();
      if (forced !== undefined) return this.#submitPass(forced);
    }
    if (isPressed || this.#ended) for (const clause of this.#line.cut("end")) this.#dub(clause);
  }

  /** A file's client has (almost) no credit left and waits for us, and nothing is on the way that would free it. */
  #isPressed(): boolean {
    if (this.#live || this.#ended) return false;
    const left = this.options.maxInflight - this.#fragments.size;
    return left <= Math.min(forcingCredits, this.options.maxInflight - 1) && this.#book.size === 0;
  }

  #submitPass(plan: DecodePlan): void {
    const { scheduler, sessionId, costs } = this.options;
    const isFinal = plan.kind === "final";
    const airsAtMs = this.#airsAtMs(plan.kind === "final" ? plan.fromMs : plan.toMs);
    const afterMs = costs.translationMs + answerLeadMs;
    scheduler.submit({
      job: {
        sessionId,
        lane: "recognise",
        pacing: this.#live ? "live" : "file",
        worth: isFinal ? "clause" : "partial",
        orderKey: "recognise",
        deadlineMs: airsAtMs - afterMs + (isFinal ? latestStartMs : 0),
        estimateMs: costs.passMs,
      },
      run: () => this.#pass(plan),
      shed: (reason) => this.#loseClauses(() => this.#line.passLost(), "partial", reason),
    });
  }

  async #pass(plan: DecodePlan): Promise<void> {
    const { stages, costs, observer, streamId } = this.options;
    const pcm16k = this.#track.read(sampleAt(plan.fromMs), sampleAt(plan.toMs));
    const prompt = promptText(this.#prompt, plan.fromMs);
    const begunAtMs = this.#now();
    let result: TranscribeResult;
    try {
      const request = {
        pcm16k,
        language: this.#language,
        quality: plan.kind,
        ...(prompt !== "" && { prompt }),
      };
      result = await overDeaths(
        () => stages.transcribe(request),
        () => this.#closed,
      );
    } catch (error) {
      if (this.#closed) return;
      this.options.logger.warn({ err: error, kind: plan.kind }, "a pass of the recogniser failed");
      return this.#loseClauses(() => this.#line.passLost(), "clause", "cancelled");
    }
    if (this.#closed) return;
    const tookMs = this.#now() - begunAtMs;
    this.#passAsrMs = tookMs;
    costs.passed(tookMs);
    observer.decoded(streamId, plan.kind, plan.toMs - plan.fromMs, tookMs);
    this.#heardPass(plan, result);
    this.#step();
  }

  #heardPass(plan: DecodePlan, result: TranscribeResult): void {
    const { observer, streamId } = this.options;
    const words = result.text.split(/\s+/u).filter((word) => word !== "");
    const timed = result.words?.map((word) => ({
      text: word.text,
      startMs: plan.fromMs + word.startMs,
      endMs: plan.fromMs + word.endMs,
    }));
    const { clauses, refused, partial } = this.#line.passed({
      words: timed?.map((word) => word.text) ?? words,
      ...(timed && { timed }),
      noSpeechProbability: result.noSpeechProbability,
      meanLogProbability: result.meanLogProbability,
      compressionRatio: result.compressionRatio,
    });
    if (refused.length > 0) {
      this.#prompt = afterRejection();
      for (const reason of refused) observer.refused(streamId, reason);
    }
    if (partial !== undefined)
      this.options.onPartial({ ...partial, startMs: this.#sessionMs(partial.startMs) });
    for (const clause of clauses) this.#dub(clause);
  }

  #loseClauses(lose: () => readonly Clause[], worth: Worth, reason: ShedReason): void {
    if (this.#closed) return;
    this.options.logger.debug({ worth, reason }, "a pass was given up");
    for (const clause of lose()) this.#dub(clause);
    this.#step();
  }

  #dub(clause: Clause): void {
    this.#prompt = withAccepted(this.#prompt, {
      words: clause.words.map((word) => word.text),
      startMs: clause.startMs,
      endMs: clause.endMs,
    });
    this.#dubbing.begin(clause, this.#terms, this.#passAsrMs);
    this.#passAsrMs = 0;
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
    const quiet = this.#line.passUnderWay === undefined;
    if (this.#ended && quiet) return Number.POSITIVE_INFINITY;
    if (quiet && this.#isPressed()) return msOf(this.#track.endSample) + 1;
    return this.#line.uncutFromMs();
  }

  #settle(answer: LineAnswer): void {
    const { verdict } = answer;
    const clauses = this.#book.messages(answer.notices, (trackMs) => this.#sessionMs(trackMs));
    this.#dubbing.told(answer.notices);
    if (verdict.kind === "hole") return;
    const held = this.#fragments.get(verdict.fragment.sequence);
    this.#fragments.delete(verdict.fragment.sequence);
    if (held === undefined) return;
    if (answer.dub === undefined) {
      this.options.observer.missed(this.options.streamId);
      return held.resolve(Promise.reject(missedItsTime(clauses.map((one) => one.source_text))));
    }
    held.resolve(
      outcomeOf({
        ...held,
        verdict: verdict.kind,
        dub: answer.dub,
        dubRateHz,
        clauses,
        targets: this.#terms.targets,
        speech: this.#line.speechWithin(held.startMs, held.endMs),
        timings: this.#dubbing.timingsOf(clauses),
        models: this.options.models(),
        terms: this.options.terms,
        codec: this.options.codec,
        answeredAtMs: this.#now(),
      }),
    );
  }

  #capMs(): number {
    const { terms, costs } = this.options;
    const delayMs = this.#live ? terms.playoutDelayMs : undefined;
    return clauseCapMs(presetMsFor(terms), delayMs, costs.synthesisRtf);
  }

  #airsAtMs(trackMs: number): number {
    return this.#airOffsetMs === undefined ? Number.POSITIVE_INFINITY : this.#airOffsetMs + trackMs;
  }

  #assumedAirsInMs(audioMs: number): number {
    return Math.max(0, (this.options.terms.playoutDelayMs ?? 0) - audioMs - unknownWayMs);
  }

  #sessionMs(trackMs: number): number {
    return this.#track.ptsMsAt(sampleAt(trackMs));
  }

  #now(): number {
    return (this.options.now ?? (() => performance.now()))();
  }
}

function msOf(sample: number): number {
  return (sample * 1000) / trackRateHz;
}

function sampleAt(ms: number): number {
  return Math.round((ms * trackRateHz) / 1000);
}

function asFailure(error: unknown): FragmentFailure {
  if (error instanceof FragmentFailure) return error;
  const message = error instanceof Error ? error.message : "the audio cannot be read";
  return new FragmentFailure("PROCESSING_ERROR", message, { stage: "asr", retryable: true });
}

function notAccepted(why: "repeated" | "stale" | "full"): FragmentFailure {
  if (why === "full")
    return new FragmentFailure("QUEUE_FULL", "too many fragments are held already", {
      stage: "asr",
      retryable: true,
    });
  return new FragmentFailure("TIMEOUT", "it came after its number had been given up", {
    stage: "asr",
    retryable: false,
  });
}

function missedItsTime(texts: readonly string[]): FragmentFailure {
  const what = texts.length > 0 ? `"${texts.join(" ")}"` : "what is said in it";
  return new FragmentFailure("TIMEOUT", `${what} was not dubbed before it airs`, {
    stage: "asr",
    retryable: false,
  });
}
