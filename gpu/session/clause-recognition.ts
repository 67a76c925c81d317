import type { EngineStages } from "../inference/stages.ts";
import type { Logger } from "../../src/telemetry/log.ts";
import type { ClauseObserver } from "./clause-observer.ts";
import type { StageTimeouts } from "./clause-parts.ts";
import type { Clause } from "./clauses/clause-cutter.ts";
import type { DecodePlan, SpeechStretch } from "./clauses/decode-plan.ts";
import { defaultIsochronyLimits } from "./clauses/isochrony.ts";
import type { PartialTranscript } from "./clauses/partial-transcript.ts";
import { afterRejection, noPrompt, promptText, withAccepted } from "./clauses/prompt-policy.ts";
import { type HeardSpeech, type PassResult, RecognitionLine } from "./clauses/recognition-line.ts";
import { answerLeadMs } from "./clauses/slicer.ts";
import { sampleAt, type SessionTrack } from "./clauses/track.ts";
import type { Following } from "./clauses/isochrony.ts";
import { overDeaths } from "./passing-failure.ts";
import type { StageCosts } from "./stage-costs.ts";
import type { WorkScheduler } from "./work-scheduler.ts";

export interface ClauseRecognitionOptions {
  readonly sessionId: string;
  readonly streamId: string;
  /** Primary subtag of the source. */
  readonly language: string;
  readonly live: boolean;
  readonly track: SessionTrack;
  /** Longest clause, ms. */
  readonly capMs: number;
  readonly stages: EngineStages;
  readonly scheduler: WorkScheduler;
  readonly costs: StageCosts;
  readonly observer: ClauseObserver;
  readonly logger: Logger;
  readonly stageTimeouts: StageTimeouts;
  /** When a moment of the track airs, on `now()`'s clock; Infinity in a file. */
  readonly airsAtMs: (trackMs: number) => number;
  /** @param asrMs what the pass that decided it took */
  readonly onClause: (clause: Clause, asrMs: number) => void;
  /** A pass has come to its end, one way or the other. */
  readonly onPassed: () => void;
  /** Times on the track. */
  readonly onPartial: (partial: PartialTranscript) => void;
  readonly isClosed: () => boolean;
  readonly now: () => number;
}

/** The recognising half of a session at work: the passes that its line asks for, run in their turn, and the clauses. */
export class ClauseRecognition {
  readonly #line: RecognitionLine;
  #prompt = noPrompt;
  #passAsrMs = 0;

  constructor(private readonly options: ClauseRecognitionOptions) {
    this.#line = new RecognitionLine(options.language, options.capMs);
  }

  /** A pass waits or runs. */
  get isAtWork(): boolean {
    return this.#line.passUnderWay !== undefined;
  }

  /** Where a clause that is not cut yet could begin, track ms. */
  get uncutFromMs(): number {
    return this.#line.uncutFromMs();
  }

  /** Sound before this will not be read again, track ms. */
  get releasableMs(): number {
    return this.#line.releasableMs();
  }

  /** As of {@link RecognitionLine.following}. */
  following(): Following {
    return this.#line.following();
  }

  speechWithin(startMs: number, endMs: number): SpeechStretch[] {
    return this.#line.speechWithin(startMs, endMs);
  }

  heard(news: HeardSpeech): void {
    this.#line.heard(news);
  }

  /** The sender's clock jumped: what was said before is no context of what follows. */
  forget(): void {
    this.#prompt = noPrompt;
  }

  /**
   * Cuts what is decided, and asks for the pass that is due.
   *
   * @param isPressed whoever sends waits for answers and sends no more: all that was heard is cut now
   * @param isEnded nothing more will be heard
   */
  step(capMs: number, isPressed: boolean, isEnded: boolean): void {
    this.#line.capMs = capMs;
    for (const clause of this.#line.cut()) this.#give(clause);
    const plan = this.#line.plan(this.options.costs.passMs);
    if (plan !== undefined) return this.#submitPass(plan);
    if (this.isAtWork) return;
    const forced = isPressed ? this.#line.planForced() : undefined;
    if (forced !== undefined) return this.#submitPass(forced);
    if (isPressed || isEnded) for (const clause of this.#line.cut("end")) this.#give(clause);
  }

  #submitPass(plan: DecodePlan): void {
    const { scheduler, sessionId, costs, live, airsAtMs } = this.options;
    const isFinal = plan.kind === "final";
    // A window reaches back for context: what it can still decide begins where no clause is cut yet.
    const openMs = Math.max(plan.fromMs, this.#line.uncutFromMs());
    const dueMs = airsAtMs(isFinal ? openMs : plan.toMs) - answerLeadMs - costs.translationMs;
    scheduler.submit({
      job: {
        sessionId,
        lane: "recognise",
        pacing: live ? "live" : "file",
        worth: isFinal ? "clause" : "partial",
        orderKey: "recognise",
        deadlineMs: dueMs + (isFinal ? defaultIsochronyLimits.latestMs : 0),
        estimateMs: costs.passMs,
      },
      run: () => this.#pass(plan),
      shed: () => this.#lose(),
    });
  }

  async #pass(plan: DecodePlan): Promise<void> {
    this.#passAsrMs = 0;
    let result: PassResult;
    try {
      result = await this.#hear(plan);
    } catch (error) {
      if (this.options.isClosed()) return;
      this.options.logger.warn({ err: error, kind: plan.kind }, "a pass of the recogniser failed");
      return this.#lose();
    }
    if (this.options.isClosed()) return;
    this.#heardPass(result);
    this.options.onPassed();
  }

  /**
   * What a pass hears. A prompt may lead the recogniser astray: before speech is given up for good it is heard once
   * more without one.
   */
  async #hear(plan: DecodePlan): Promise<PassResult> {
    const prompt = promptText(this.#prompt, plan.fromMs);
    const result = await this.#transcribe(plan, prompt);
    if (plan.kind !== "final" || prompt === "" || this.options.isClosed()) return result;
    const refused = this.#line.refusalsOf(result);
    if (refused.length === 0) return result;
    for (const reason of refused) this.options.observer.refused(this.options.streamId, reason);
    return this.#transcribe(plan, "");
  }

  async #transcribe(plan: DecodePlan, prompt: string): Promise<PassResult> {
    const { stages, live, stageTimeouts, costs, observer, streamId } = this.options;
    const begunAtMs = this.options.now();
    const request = {
      pcm16k: this.options.track.read(sampleAt(plan.fromMs), sampleAt(plan.toMs)),
      language: this.options.language,
      quality: plan.kind,
      ...(prompt !== "" && { prompt }),
    };
    const result = await overDeaths(
      () => stages.transcribe(request, { timeoutMs: live ? stageTimeouts.asrMs : undefined }),
      this.options.isClosed,
    );
    const tookMs = this.options.now() - begunAtMs;
    if (!this.options.isClosed()) {
      this.#passAsrMs += tookMs;
      costs.passed(tookMs);
      observer.decoded(streamId, plan.kind, plan.toMs - plan.fromMs, tookMs);
    }
    const words = result.text.split(/\s+/u).filter((word) => word !== "");
    const timed = result.words?.map((word) => ({
      text: word.text,
      startMs: plan.fromMs + word.startMs,
      endMs: plan.fromMs + word.endMs,
      confidence: word.confidence,
    }));
    return {
      words: timed?.map((word) => word.text) ?? words,
      ...(timed && { timed }),
      noSpeechProbability: result.noSpeechProbability,
      meanLogProbability: result.meanLogProbability,
      compressionRatio: result.compressionRatio,
      languageProbability: result.languageProbability,
      capped: result.capped,
    };
  }

  #heardPass(result: PassResult): void {
    const { observer, streamId } = this.options;
    const { clauses, refused, partial } = this.#line.passed(result);
    if (refused.length > 0) {
      this.#prompt = afterRejection();
      for (const reason of refused) observer.refused(streamId, reason);
    }
    if (partial !== undefined) this.options.onPartial(partial);
    for (const clause of clauses) this.#give(clause);
  }

  /** The pass under way was shed or failed: nothing waits for its words any more. */
  #lose(): void {
    if (this.options.isClosed()) return;
    for (const clause of this.#line.passLost()) this.#give(clause);
    this.options.onPassed();
  }

  #give(clause: Clause): void {
    this.#prompt = withAccepted(this.#prompt, clause.words);
    const asrMs = this.#passAsrMs;
    this.#passAsrMs = 0;
    this.options.onClause(clause, asrMs);
  }
}
