import type { ClauseMessage } from "../../src/protocol/sts-fragment.ts";
import type { Logger } from "../../src/telemetry/log.ts";
import { EngineError } from "../inference/engine-error.ts";
import type { EngineStages } from "../inference/stages.ts";
import { stretchTempo } from "../pipeline/time-stretch.ts";
import type { ClauseBook, ClauseEntry, ClauseTimings } from "./clause-book.ts";
import type { ClauseObserver } from "./clause-observer.ts";
import type { StageTimeouts } from "./clause-parts.ts";
import type { AnswerLine } from "./clauses/answer-line.ts";
import type { ClauseNotice, Stretch } from "./clauses/line-answer.ts";
import type { Clause } from "./clauses/clause-cutter.ts";
import { type Following, defaultIsochronyLimits } from "./clauses/isochrony.ts";
import { answerLeadMs } from "./clauses/slicer.ts";
import type { ClauseTerms } from "./fragment-processor.ts";
import { overDeaths } from "./passing-failure.ts";
import { firstPartShare, speechParts } from "./speech-parts.ts";
import type { StageCosts } from "./stage-costs.ts";
import type { WorkScheduler } from "./work-scheduler.ts";

/** A dub may come out this much off its slot before stretching it once more is worth the harm. */
const toleratedStretch = 0.03;
/** How much longer than its slot a translation may be and still be spoken into it. */
const budgetSlack = 1.2;
/** Work may well take so much more than it usually does: other work, a text that is longer when it is spoken. */
const workMargin = 1.6;

export interface ClauseDubbingOptions {
  readonly sessionId: string;
  readonly streamId: string;
  readonly stages: EngineStages;
  readonly scheduler: WorkScheduler;
  readonly costs: StageCosts;
  readonly observer: ClauseObserver;
  readonly logger: Logger;
  readonly stageTimeouts: StageTimeouts;
  /** Primary subtag of the source. */
  readonly source: string;
  readonly live: boolean;
  readonly dubRateHz: number;
  readonly answers: AnswerLine;
  readonly book: ClauseBook;
  readonly following: () => Following;
  /** When a moment of the track airs, on `now()`'s clock; Infinity in a file. */
  readonly airsAtMs: (trackMs: number) => number;
  /** Something was placed or given up: answers may be ready. */
  readonly onSettled: () => void;
  readonly isClosed: () => boolean;
  readonly now: () => number;
}

/** One clause in one language. */
interface Task {
  readonly clauseId: string;
  readonly clause: Clause;
  readonly entry: ClauseEntry;
  readonly language: string;
  readonly rank: number;
  readonly terms: ClauseTerms;
}

/** From clauses to their places on the dub tracks: translation and synthesis of each, in every target language. */
export class ClauseDubbing {
  /** The clause before, as context of the next. */
  #before: Clause | undefined;
  /** What clauses have cost outlives their entry in the book, until an answer tells of them. */
  readonly #untold = new Map<string, ClauseEntry>();

  constructor(private readonly options: ClauseDubbingOptions) {}

  /** Takes a clause that was cut; @param asrMs what recognising it has cost */
  begin(clause: Clause, terms: ClauseTerms, asrMs: number): void {
    const { answers, book } = this.options;
    const clauseId = answers.open(clause);
    const entry = book.open(clauseId, clause, terms.targets, Math.round(asrMs));
    const context = this.#before?.text;
    this.#before = clause;
    for (const [rank, language] of terms.targets.entries())
      this.#submitTranslation({ clauseId, clause, entry, language, rank, terms }, context);
  }

  /** What is kept of clauses whose fate has not been told. */
  get holds() {
    return { clauses: this.options.book.size, untold: this.#untold.size };
  }

  /** What an answer has told of clauses. */
  told(notices: readonly ClauseNotice[]): void {
    for (const notice of notices) this.options.observer.clauseTold(this.options.streamId, notice);
  }

  /** What the clauses that begin in an answer have cost. */
  costOf(clauses: readonly ClauseMessage[]): ClauseTimings & { readonly warnings: string[] } {
    const sum = { asrMs: 0, translationMs: 0, ttsMs: 0, warnings: [] as string[] };
    for (const { clause_id: clauseId } of clauses) {
      const entry = this.#untold.get(clauseId);
      if (entry === undefined) continue;
      this.#untold.delete(clauseId);
      const { timings } = entry;
      sum.warnings.push(...entry.warnings);
      sum.asrMs += timings.asrMs;
      sum.translationMs += timings.translationMs;
      sum.ttsMs += timings.ttsMs;
    }
    return sum;
  }

  #submitTranslation(task: Task, context: string | undefined): void {
    const { costs, scheduler } = this.options;
    const { clause } = task;
    this.#untold.set(task.clauseId, task.entry);
    scheduler.submit({
      job: {
        ...this.#jobOf(task, "translate"),
        deadlineMs: this.#dueMs(clause) - this.#workMs(task, clause.text) * firstPartShare,
        estimateMs: costs.translationMs,
      },
      run: () => this.#translate(task, context),
      shed: () => this.#drop(task, "overload"),
    });
  }

  async #translate(task: Task, context: string | undefined): Promise<void> {
    const { stages, costs, observer, source, live, stageTimeouts } = this.options;
    const { clause, entry, language, terms } = task;
    const slotMs = clause.endMs - clause.startMs;
    const budget = costs.charactersWithin(voiceKey(terms, language), slotMs * budgetSlack);
    const begunAtMs = this.options.now();
    try {
      const request = {
        text: clause.text,
        source,
        target: language,
        characterBudget: budget,
        ...(context !== undefined && { context }),
        ...(terms.glossary.length > 0 && { glossary: terms.glossary }),
        ...(terms.keepTerms.length > 0 && { keepTerms: terms.keepTerms }),
      };
      const answer = await overDeaths(
        () =>
          stages.translate(request, { timeoutMs: live ? stageTimeouts.translationMs : undefined }),
        this.options.isClosed,
      );
      if (this.options.isClosed()) return;
      const tookMs = this.options.now() - begunAtMs;
      costs.translated(tookMs);
      observer.stageRan("translation", tookMs);
      entry.timings.translationMs += Math.round(tookMs);
      for (const name of answer.fellBackFrom) entry.warnings.add(`translation_fallback: ${name}`);
      for (const warning of answer.warnings) entry.warnings.add(warning);
      const text = answer.text.trim();
      entry.translations.set(language, text);
      if (text === "") return this.#drop(task, "nothing_to_say");
      this.#submitSpeech(task, text);
    } catch (error) {
      this.#fail(task, error);
    }
  }

  #submitSpeech(task: Task, text: string): void {
    const workMs = this.#workMs(task, text);
    this.options.scheduler.submit({
      job: {
        ...this.#jobOf(task, "voice"),
        // What is spoken after the first part is not late yet when that must be heard.
        deadlineMs: this.#dueMs(task.clause) + workMs * (1 - firstPartShare),
        estimateMs: workMs,
      },
      run: () => this.#speak(task, text),
      shed: () => this.#drop(task, "overload"),
    });
  }

  /** In two parts where the whole would come late: the first is heard while the second is being spoken. */
  async #speak(task: Task, text: string): Promise<void> {
    try {
      const parts = this.#wouldBeLate(task, text) ? speechParts(text) : [text];
      for (const [index, part] of parts.entries())
        if (!(await this.#speakPart(task, part, parts.slice(index + 1).join(" ")))) return;
    } catch (error) {
      this.#fail(task, error);
    }
  }

  #wouldBeLate(task: Task, text: string): boolean {
    const { now, airsAtMs } = this.options;
    const workMs = this.#workMs(task, text) * workMargin;
    return now() + workMs > airsAtMs(task.clause.startMs) - answerLeadMs;
  }

  /** What speaking a text will take. */
  #workMs({ terms, language }: Task, text: string): number {
    const { costs } = this.options;
    return costs.naturalMs(voiceKey(terms, language), text) * costs.synthesisRtf;
  }

  /**
   * @param rest what of the clause is spoken after it
   * @returns false when nothing more is to be spoken of the clause
   */
  async #speakPart(task: Task, text: string, rest: string): Promise<boolean> {
    const { stages, costs, observer, answers, live, stageTimeouts } = this.options;
    const { clauseId, entry, language, terms } = task;
    const voice = voiceKey(terms, language);
    const naturalMs = costs.naturalMs(voice, text) + costs.naturalMs(voice, rest);
    const slot = answers.expectedSlot(clauseId, language, naturalMs, this.options.following());
    if (slot === undefined) return false;
    if (slot.outcome === "dropped") {
      this.#drop(task, "late");
      return false;
    }
    const begunAtMs = this.options.now();
    const request = { text, voiceProfile: terms.voiceProfile, language, tempo: slot.tempo };
    const spoken = await overDeaths(
      () => stages.speak(request, { timeoutMs: live ? stageTimeouts.ttsMs : undefined }),
      this.options.isClosed,
    );
    if (this.options.isClosed()) return false;
    const tookMs = this.options.now() - begunAtMs;
    const speechMs = (1000 * spoken.audio.length) / this.options.dubRateHz;
    costs.spoke(tookMs, speechMs);
    costs.said(voice, text, spoken.naturalMs);
    observer.stageRan("tts", tookMs);
    entry.timings.ttsMs += Math.round(tookMs);
    entry.voices.set(language, terms.voiceProfile);
    if (spoken.audio.length === 0) {
      if (rest === "") this.#drop(task, "nothing_to_say");
      return true;
    }
    const laterMs = costs.naturalMs(voice, rest);
    const placed = answers.place(
      clauseId,
      language,
      { samples: spoken.audio, tempo: spoken.tempo, laterMs },
      this.options.following(),
      this.#stretch,
    );
    const former = entry.spoken.get(language);
    const clamped = placed?.outcome === "placed" && placed.overrunMs > 0;
    entry.spoken.set(language, {
      naturalMs: (former?.naturalMs ?? 0) + spoken.naturalMs,
      clamped: clamped || (former?.clamped ?? false),
    });
    this.options.onSettled();
    return placed?.outcome === "placed";
  }

  readonly #stretch: Stretch = (samples, stretch) =>
    Math.abs(stretch - 1) <= toleratedStretch
      ? samples
      : stretchTempo(samples, this.options.dubRateHz, 1 / stretch);

  #jobOf({ clauseId, language, rank }: Task, lane: "translate" | "voice") {
    return {
      sessionId: this.options.sessionId,
      lane,
      pacing: this.options.live ? ("live" as const) : ("file" as const),
      worth: rank === 0 ? ("clause" as const) : ("language" as const),
      languageRank: rank,
      clauseId,
      orderKey: `${lane} ${language}`,
    };
  }

  /** The last moment at which a clause's dub may be placed: it starts late then, but it is heard. */
  #dueMs(clause: Clause): number {
    return this.options.airsAtMs(clause.startMs) - answerLeadMs + defaultIsochronyLimits.latestMs;
  }

  #fail(task: Task, error: unknown): void {
    if (this.options.isClosed()) return;
    const code = error instanceof EngineError ? error.code : "PROCESSING_ERROR";
    const { clauseId, language } = task;
    this.options.logger.warn({ err: error, clauseId, language }, "a clause could not be dubbed");
    this.#drop(task, code);
  }

  #drop({ clauseId, language }: Task, reason: string): void {
    if (this.options.isClosed()) return;
    this.options.answers.drop(clauseId, language, reason);
    this.options.onSettled();
  }
}

/** Voices speak at their own rates, and so does one profile in its languages. */
function voiceKey(terms: ClauseTerms, language: string): string {
  return `${terms.voiceProfile} ${language}`;
}
