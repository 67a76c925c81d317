import type { Clause } from "./clause-cutter.ts";
import { DubTrack } from "./dub-track.ts";
import { type BegunDub, extended, toldAs } from "./begun-dub.ts";
import {
  type DroppedSlot,
  type DubState,
  type Following,
  type PlacedSlot,
  defaultIsochronyLimits,
  emptyDub,
  endedAt,
  fitSlot,
  partOfSlot,
  pauseAfter,
  remainingStretch,
} from "./isochrony.ts";
import type { ClauseNotice, LineAnswer, SpokenClause, Stretch } from "./line-answer.ts";
import { Settlement } from "./settlement.ts";
import { FragmentSlicer, type HeldFragment, type SlicerOptions, type Verdict } from "./slicer.ts";

export interface AnswerLineOptions extends SlicerOptions {
  /** Target languages, the first one first. */
  readonly languages: readonly string[];
  readonly dubRateHz: number;
}

/** Fragments of no whole number of samples of the track seem to overlap by as little: they adjoin. */
const sameMomentMs = 1;

interface Language {
  readonly track: DubTrack;
  state: DubState;
}

interface Entry {
  readonly clause: Clause;
  /** The session's target languages when it was cut. */
  readonly languages: readonly string[];
  readonly pending: Map<string, ClauseNotice>;
  readonly announcedLate: Set<string>;
  /** By language: what is placed of a dub whose rest is still being spoken. */
  readonly begun: Map<string, BegunDub>;
}

/**
 * The answering half of a session: dubs are fitted and placed on a track for each language, fragments are answered in
 * order with what sounds in them. Pure: the clock is a parameter. Bounded by the clauses and fragments in flight.
 */
export class AnswerLine {
  readonly #slicer: FragmentSlicer;
  readonly #settlement = new Settlement();
  readonly #languages: Map<string, Language>;
  readonly #entries = new Map<string, Entry>();
  #current: readonly string[];
  #opened = 0;
  #readUntilMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: AnswerLineOptions) {
    this.#slicer = new FragmentSlicer(options);
    this.#languages = new Map();
    this.#current = [];
    this.retarget(options.languages);
  }

  /** Changes the target languages from the next clause on; what is dubbed in a former one is still said. */
  retarget(languages: readonly string[]): void {
    this.#current = languages;
    for (const language of languages)
      if (!this.#languages.has(language))
        this.#languages.set(language, {
          track: new DubTrack(this.options.dubRateHz),
          state: emptyDub,
        });
  }

  /** Placed, late and dropped clauses of a language. */
  dubState(language: string): DubState {
    return this.#languages.get(language)?.state ?? emptyDub;
  }

  get heldCount(): number {
    return this.#slicer.heldCount;
  }

  /** As of {@link FragmentSlicer.accept}. */
  accept(fragment: HeldFragment): ReturnType<FragmentSlicer["accept"]> {
    return this.#slicer.accept(fragment);
  }

  /** A clause was cut and will be dubbed: what it may sound in waits for it. Returns its id. */
  open(clause: Clause): string {
    const clauseId = `clause-${this.#opened++}`;
    this.#entries.set(clauseId, {
      clause,
      languages: this.#current,
      pending: new Map(),
      announcedLate: new Set(),
      begun: new Map(),
    });
    this.#settlement.open(clauseId, clause.startMs, this.#current);
    return clauseId;
  }

  /**
   * Where a dub would go now: gives the tempo to ask of the synthesiser, or that it is not worth asking.
   *
   * @param naturalMs expected length at tempo 1
   */
  expectedSlot(
    clauseId: string,
    language: string,
    naturalMs: number,
    following: Following,
  ): PlacedSlot | DroppedSlot | undefined {
    const entry = this.#entries.get(clauseId);
    const line = this.#languages.get(language);
    if (!entry || !line) return undefined;
    return this.#fit(entry, language, line, naturalMs, following).slot;
  }

  /**
   * Places a dub, whole, or drops it whole when it is too late. The synthesiser's speed counts first, what remains is
   * stretched. A dub may come in parts, so that its beginning can be heard while the rest is being spoken: once the
   * first is placed, the others follow however late they are.
   *
   * @returns undefined for a clause that is settled already: its time is over
   */
  place(
    clauseId: string,
    language: string,
    spoken: SpokenClause,
    following: Following,
    stretch: Stretch,
  ): PlacedSlot | DroppedSlot | undefined {
    const entry = this.#entries.get(clauseId);
    const line = this.#languages.get(language);
    if (!entry || !line || !this.#settlement.isOpen(clauseId, language)) return undefined;
    const { laterMs = 0 } = spoken;
    const spokenMs = (spoken.samples.length / this.options.dubRateHz) * 1000;
    const naturalMs = spokenMs * spoken.tempo;
    const { state, slot: whole } = this.#fit(entry, language, line, naturalMs + laterMs, following);
    if (whole.outcome === "dropped") {
      line.state = state;
      this.#drop(clauseId, entry, language, "late");
      return whole;
    }
    const slot = partOfSlot(whole, naturalMs);
    const factor = remainingStretch(slot, naturalMs, spokenMs);
    const samples = factor === 1 ? spoken.samples : stretch(spoken.samples, factor);
    if (!line.track.place({ clauseId, startMs: slot.startMs, samples })) {
      this.#drop(clauseId, entry, language, "full");
      return { outcome: "dropped", lateMs: slot.lateMs };
    }
    const endMs = slot.startMs + (samples.length / this.options.dubRateHz) * 1000;
    const former = entry.begun.get(language);
    const begun = extended(former, { ...slot, endMs }, naturalMs);
    line.state = endedAt(former ? line.state : state, endMs);
    if (former === undefined || entry.pending.has(language))
      entry.pending.set(language, {
        clauseId,
        language,
        status: "dubbed",
        slot: toldAs(begun, laterMs),
      });
    if (laterMs > 0) entry.begun.set(language, begun);
    else this.#settle(clauseId, entry, language);
    return slot;
  }

  /** A clause will not be dubbed in this language: shed, refused, failed, or there is nothing to say. */
  drop(clauseId: string, language: string, reason: string): void {
    const entry = this.#entries.get(clauseId);
    if (entry && this.#settlement.isOpen(clauseId, language))
      this.#drop(clauseId, entry, language, reason);
  }

  /** No more fragments will come. */
  end(): void {
    this.#slicer.end();
  }

  /**
   * Everything that may be answered now, in order.
   *
   * @param uncutFromMs where a clause that is not cut yet could begin; Infinity when none will come
   */
  advance(nowMs: number, uncutFromMs: number): LineAnswer[] {
    const finals = [...this.#languages].map(([language, { state }]) =>
      this.#settlement.finalUntilMs(language, state.freeAtMs, uncutFromMs),
    );
    const verdicts = this.#slicer.advance({
      nowMs,
      finalUntilMs: Math.min(...finals),
      growingFromMs: this.#growingFromMs(),
      carriesDub: ({ startMs, endMs }) =>
        this.#settlement.openBefore(endMs).length > 0 ||
        [...this.#languages.values()].some(({ track }) => track.soundsWithin(startMs, endMs)),
    });
    return verdicts.map((verdict) => this.#answer(verdict));
  }

  /** When {@link advance} may say more although nothing else happens. */
  nextWakeMs(): number | undefined {
    return this.#slicer.nextWakeMs();
  }

  /** The rest of a dub follows what is placed of it, after a breath, and is never too late. */
  #fit(
    { clause, begun }: Entry,
    language: string,
    { state }: Language,
    naturalMs: number,
    following: Following,
  ) {
    const limits = defaultIsochronyLimits;
    const hasBegun = begun.has(language);
    return fitSlot(
      state,
      {
        startMs: hasBegun ? state.freeAtMs + limits.breathMs : clause.startMs,
        endMs: clause.endMs,
        pauseAfterMs: pauseAfter(clause.endMs, this.#after(clause, following)),
        naturalMs,
        writableFromMs: this.#slicer.answeredUntilMs,
      },
      hasBegun ? { ...limits, latestMs: Number.POSITIVE_INFINITY } : limits,
    );
  }

  /** The next clause begins with the next word, where it is cut already. */
  #after(clause: Clause, following: Following): Following {
    for (const next of this.#entries.values())
      if (next.clause.startMs > clause.startMs)
        return { ...following, nextWordMs: next.clause.startMs };
    return following;
  }

  #growingFromMs(): number {
    const growing = [...this.#entries.values()].flatMap(({ begun, pending }) =>
      [...begun].flatMap(([language, { slot }]) => (pending.has(language) ? slot.startMs : [])),
    );
    return Math.min(...growing, Number.POSITIVE_INFINITY);
  }

  #drop(clauseId: string, entry: Entry, language: string, reason: string): void {
    const begun = entry.begun.get(language);
    // Of a dub that has begun, what is placed is heard, and what was told of it holds.
    if (begun === undefined)
      entry.pending.set(language, { clauseId, language, status: "dropped", reason });
    else if (entry.pending.has(language))
      entry.pending.set(language, { clauseId, language, status: "dubbed", slot: begun.slot });
    this.#settle(clauseId, entry, language);
  }

  #settle(clauseId: string, entry: Entry, language: string): void {
    entry.begun.delete(language);
    this.#settlement.settle(clauseId, language);
  }

  #answer(verdict: Verdict): LineAnswer {
    if (verdict.kind === "hole") return { verdict, notices: [] };
    const { startMs, endMs } = verdict.fragment;
    const notices = this.#notices(endMs);
    if (verdict.kind === "missed") return { verdict, notices };
    const fromMs =
      Math.abs(startMs - this.#readUntilMs) < sameMomentMs ? this.#readUntilMs : startMs;
    this.#readUntilMs = fromMs + endMs - startMs;
    const dub = new Map(
      [...this.#languages].map(([language, { track }]) => {
        const slice = track.read(fromMs, this.#readUntilMs);
        track.release(endMs);
        return [language, slice] as const;
      }),
    );
    return { verdict, dub, notices };
  }

  /** What becomes known of clauses that begin before `endMs`; each said once for each language, late ones twice. */
  #notices(endMs: number): ClauseNotice[] {
    const notices: ClauseNotice[] = [];
    for (const [clauseId, entry] of this.#entries) {
      if (entry.clause.startMs >= endMs) continue;
      for (const [language, notice] of entry.pending) {
        if (notice.slot && notice.slot.startMs >= endMs) continue;
        notices.push(notice);
        entry.pending.delete(language);
      }
      const open = entry.languages.filter(
        (language) =>
          (this.#settlement.isOpen(clauseId, language) || entry.pending.has(language)) &&
          !entry.announcedLate.has(language) &&
          !entry.begun.has(language),
      );
      for (const language of open) {
        entry.announcedLate.add(language);
        notices.push({ clauseId, language, status: "late" });
      }
      if (entry.pending.size === 0 && !this.#isOpen(clauseId, entry))
        this.#entries.delete(clauseId);
    }
    return notices;
  }

  #isOpen(clauseId: string, { languages }: Entry): boolean {
    return languages.some((language) => this.#settlement.isOpen(clauseId, language));
  }
}
