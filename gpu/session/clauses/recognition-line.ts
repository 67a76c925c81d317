import { type Clause, type CutTally, cutClauses, noCuts, tallied } from "./clause-cutter.ts";
import {
  type CommitState,
  commitAgreed,
  commitAll,
  forgetTentative,
  takenBack,
  nothingHeard,
} from "./commit-policy.ts";
import { defaultCutterLimits } from "./cutter-limits.ts";
import {
  type DecodePlan,
  type Hearing,
  type SpeechStretch,
  defaultDecodeLimits,
  openSpeechStartMs,
  planDecode,
  settledHorizonMs,
} from "./decode-plan.ts";
import { type HypothesisFacts, type RefusalReason, refusals } from "./guards.ts";
import { type PartialTranscript, partialTranscript } from "./partial-transcript.ts";
import type { Following } from "./isochrony.ts";
import { uncutFrom } from "./settlement.ts";
import { withoutUnheard } from "./unheard-words.ts";
import { outOfPauses, wordTimes } from "./word-times.ts";
import { type Silence, surenessOf, type TimedWord } from "./words.ts";

/** What a pass said: a model's own times win over those laid over the speech. */
export interface PassResult extends Omit<HypothesisFacts, "speechMs"> {
  /** Session time; absent when the model gives none. */
  readonly timed?: readonly TimedWord[];
  /** Of the language that was to be heard, 0..1; absent where the model does not tell. */
  readonly languageProbability?: number | undefined;
}

export interface PassOutcome {
  /** New clauses, to be dubbed. */
  readonly clauses: readonly Clause[];
  /** Why the pass was not believed; empty when it was. */
  readonly refused: readonly RefusalReason[];
  /** What is being said beyond the clauses, for captions. */
  readonly partial?: PartialTranscript;
}

/** What the voice activity detector said since the last time. Session time, ms. */
export interface HeardSpeech {
  readonly heardUntilMs: number;
  /** Stretches that have ended, in order. */
  readonly ended?: readonly SpeechStretch[];
  /** Start of the stretch that goes on; absent in silence. */
  readonly goingFromMs?: number | undefined;
}

/** Windows reach back for context, and word times are not exact. */
const windowSlackMs = 3000;
/** Longest window of a forced pass. */
const forcedWindowMs = 15_000;
/** Speech that is kept for windows and pauses, before everything that is settled. */
const rememberedMs = 20_000;
/** Speech is forgotten then even where nothing was settled: a fragment, heard as one, may be a minute long. */
const mostRememberedMs = 60_000 + rememberedMs;

/**
 * The recognising half of a session: from what the detector heard, over passes, to clauses. Runs nothing itself: it
 * says which pass is due and takes its result. At most one pass at a time. Memory is bounded by `mostRememberedMs`.
 */
export class RecognitionLine {
  #speech: SpeechStretch[] = [];
  #goingFromMs: number | undefined;
  #heardUntilMs = 0;
  #position = { settledUntilMs: 0, lastWordEndMs: 0, clauseEndMs: 0, lastPassUntilMs: 0 };
  #leftOutFromMs: number | undefined;
  #commit: CommitState = nothingHeard;
  #uncut: readonly TimedWord[] = [];
  #under: DecodePlan | undefined;
  #tally: CutTally = noCuts;
  #lostMs = 0;

  /**
   * @param language of the speech; BCP-47 or short code
   * @param capMs longest clause, {@link clauseCapMs}
   */
  constructor(
    public language: string,
    public capMs: number,
  ) {}

  /** What was cut and why, since the beginning. */
  get tally(): CutTally {
    return this.#tally;
  }

  /** Speech that was given up because its final pass was shed or failed, ms. */
  get lostSpeechMs(): number {
    return this.#lostMs;
  }

  /** The pass under way. */
  get passUnderWay(): DecodePlan | undefined {
    return this.#under;
  }

  /** Takes what was heard; time never goes back. */
  heard(news: HeardSpeech): void {
    this.#heardUntilMs = Math.max(this.#heardUntilMs, news.heardUntilMs);
    this.#speech.push(...(news.ended ?? []));
    this.#goingFromMs = news.goingFromMs;
    const { settledUntilMs, clauseEndMs } = this.#position;
    const keepFromMs = Math.min(settledUntilMs, clauseEndMs, this.#heardUntilMs) - rememberedMs;
    this.#speech = this.#speech.filter(
      (one) => one.endMs > Math.max(keepFromMs, this.#heardUntilMs - mostRememberedMs),
    );
  }

  /**
   * The pass that should run now, or undefined. It counts as under way until {@link passed} or {@link passLost}.
   *
   * @param passMs measured cost of a pass
   */
  plan(passMs: number): DecodePlan | undefined {
    if (this.#under) return undefined;
    const limits = { ...defaultDecodeLimits, capMs: this.capMs, passMs };
    this.#under = planDecode(this.#hearing(), limits);
    return this.#under;
  }

  /**
   * A final pass over all that was heard, though speech goes on: for a caller who must answer now and will hear no more
   * before he has. Undefined when nothing is open; counts as under way like {@link plan}'s.
   */
  planForced(): DecodePlan | undefined {
    if (this.#under) return undefined;
    const openMs = openSpeechStartMs(this.#hearing());
    if (openMs === undefined || openMs >= this.#heardUntilMs) return undefined;
    const toMs = this.#heardUntilMs;
    const fromMs = Math.max(0, this.#position.clauseEndMs, toMs - forcedWindowMs);
    this.#under = { kind: "final", fromMs: Math.min(fromMs, openMs), toMs, commitUntilMs: toMs };
    return this.#under;
  }

  /** Why the pass under way would not be believed, had it this result; empty if it would be. */
  refusalsOf(told: PassResult): readonly RefusalReason[] {
    return this.#under ? this.#judged(this.#under, told).refused : [];
  }

  /** Takes the result of the pass under way. */
  passed(told: PassResult): PassOutcome {
    const plan = this.#under;
    if (!plan) return { clauses: [], refused: [] };
    const inMidst = isInMidst(plan);
    this.#under = undefined;
    this.#position.lastPassUntilMs = plan.toMs;
    const { result, refused, speech } = this.#judged(plan, told);
    if (refused.length > 0) {
      this.#commit = forgetTentative(this.#commit);
      this.#settle(plan, undefined);
      return { clauses: this.cut(), refused };
    }
    const placed = result.timed
      ? outOfPauses(result.timed, speech)
      : wordTimes(result.words, speech, this.language).map((word) => ({ ...word, laid: true }));
    const sureness = surenessOf(result);
    const words = placed.map((word) => ({ ...word, pass: sureness }));
    const pass = { words, fromMs: plan.fromMs, heardUntilMs: plan.toMs };
    const step =
      plan.kind === "final"
        ? commitAll(this.#commit, pass, plan.commitUntilMs)
        : commitAgreed(this.#commit, pass);
    this.#commit = step.state;
    this.#uncut = [...this.#uncut, ...step.committed];
    const lastWordEndMs = step.committed.at(-1)?.endMs ?? this.#position.lastWordEndMs;
    this.#position.lastWordEndMs = lastWordEndMs;
    this.#settle(plan, step.tentative[0]?.startMs);
    const clauses = inMidst ? this.#cutInMidst(plan.commitUntilMs) : this.cut();
    const partial = partialTranscript(this.#uncut, this.#commit.tentative);
    return { clauses, refused, ...(partial && { partial }) };
  }

  #judged(plan: DecodePlan, told: PassResult) {
    const speech = this.speechWithin(plan.fromMs, plan.toMs);
    const speechMs = speech.reduce((sum, one) => sum + one.endMs - one.startMs, 0);
    const result = withoutUnheard(told, isInMidst(plan));
    return { result, refused: refusals({ ...result, speechMs }, this.language), speech };
  }

  /**
   * The latest safe moment came in the midst of speech: one clause must be cut now. The words after it are heard again
   * with what follows: a word whose end was not heard yet is easily taken for two others.
   */
  #cutInMidst(safeMs: number): readonly Clause[] {
    const [first] = this.#uncut;
    const clauses = this.#cutBy(Math.min(this.capMs, safeMs - (first?.startMs ?? safeMs)));
    const lastWord = clauses.at(-1)?.words.at(-1);
    const [next] = this.#uncut;
    if (lastWord === undefined || next === undefined) return clauses;
    this.#commit = takenBack(this.#commit, this.#uncut.length);
    this.#leftOutFromMs = next.startMs;
    this.#position.lastWordEndMs = lastWord.endMs;
    this.#uncut = [];
    return clauses;
  }

  /** The pass under way was shed or failed. A final one takes its speech with it: nothing waits for it for ever. */
  passLost(): readonly Clause[] {
    const plan = this.#under;
    this.#under = undefined;
    if (plan === undefined) return [];
    // the same pass again would be shed again, at once and for ever: the next one waits for more sound
    this.#position.lastPassUntilMs = plan.toMs;
    if (plan.kind !== "final") return [];
    const fromMs = Math.max(plan.fromMs, this.#position.lastWordEndMs);
    this.#lostMs += Math.max(0, plan.commitUntilMs - fromMs);
    this.#settle(plan, undefined);
    return this.cut();
  }

  /**
   * Cuts what the silence since the last pass has decided; to be asked whenever something was heard.
   *
   * @param demand as of {@link cutClauses}; `end` once no pass is due any more
   */
  cut(demand?: "ordered" | "end"): readonly Clause[] {
    return this.#cutBy(this.capMs, demand);
  }

  #cutBy(capMs: number, demand?: "ordered" | "end"): readonly Clause[] {
    const { clauses, rest } = cutClauses({
      words: this.#uncut,
      silences: this.silences(),
      settledUntilMs: settledHorizonMs(this.#hearing()),
      language: this.language,
      limits: { ...defaultCutterLimits, capMs },
      ...(demand && { demand }),
    });
    this.#uncut = rest;
    this.#tally = tallied(this.#tally, clauses);
    this.#position.clauseEndMs = clauses.at(-1)?.endMs ?? this.#position.clauseEndMs;
    return clauses;
  }

  /** The earliest moment at which a clause that is not cut yet could begin. */
  uncutFromMs(): number {
    return uncutFrom({
      heardUntilMs: this.#heardUntilMs,
      firstWordMs: this.#uncut[0]?.startMs,
      speechStartMs: openSpeechStartMs(this.#hearing()),
    });
  }

  /** What is known of the time after the clauses that were cut: the next word is the first that is in none of them. */
  following(): Following {
    const leftOutMs = this.#leftOutFromMs ?? Number.NEGATIVE_INFINITY;
    const leftOut = leftOutMs >= this.#position.clauseEndMs ? leftOutMs : undefined;
    return { silences: this.silences(), nextWordMs: this.#uncut[0]?.startMs ?? leftOut };
  }

  /** Silences as far as they are remembered; the last one may still go on. */
  silences(): Silence[] {
    const speech = this.#hearing().speech;
    const ends = [...speech.map((one) => one.startMs), this.#heardUntilMs];
    const starts = [Math.min(0, ends[0] ?? 0), ...speech.map((one) => one.endMs)];
    return starts
      .map((startMs, i) => ({ startMs, endMs: ends[i] ?? startMs }))
      .filter((one) => one.endMs > one.startMs);
  }

  /** Sound before this will not be decoded again. */
  releasableMs(): number {
    const openMs = openSpeechStartMs(this.#hearing()) ?? this.#heardUntilMs;
    return Math.max(0, Math.min(openMs, this.#uncut[0]?.startMs ?? openMs) - windowSlackMs);
  }

  /** @param leftOutFromMs start of the first word that a final pass heard beyond what it committed */
  #settle(plan: DecodePlan, leftOutFromMs: number | undefined): void {
    if (plan.kind !== "final") return;
    this.#position.settledUntilMs = Math.max(this.#position.settledUntilMs, plan.commitUntilMs);
    this.#leftOutFromMs = leftOutFromMs;
  }

  #hearing(): Hearing {
    const going =
      this.#goingFromMs !== undefined && this.#goingFromMs < this.#heardUntilMs
        ? [{ startMs: this.#goingFromMs, endMs: this.#heardUntilMs }]
        : [];
    return {
      ...this.#position,
      leftOutFromMs: this.#leftOutFromMs,
      heardUntilMs: this.#heardUntilMs,
      speech: [...this.#speech, ...going],
      speaking: going.length > 0,
      uncutFromMs: this.#uncut[0]?.startMs,
      committed: this.#commit.tail,
    };
  }

  /** Speech that was heard in [fromMs, toMs), as far as it is remembered. */
  speechWithin(fromMs: number, toMs: number): SpeechStretch[] {
    return this.#hearing()
      .speech.filter((one) => one.endMs > fromMs && one.startMs < toMs)
      .map((one) => ({
        startMs: Math.max(one.startMs, fromMs),
        endMs: Math.min(one.endMs, toMs),
      }));
  }
}

/** A final pass that the latest safe moment asked for, while speech went on. */
const isInMidst = (plan: DecodePlan): boolean =>
  plan.kind === "final" && plan.commitUntilMs < plan.toMs;
