import type { Clause } from "./clause-cutter.ts";
import { type DubSlice, DubTrack } from "./dub-track.ts";
import {
  type DroppedSlot,
  type DubState,
  type PlacedSlot,
  emptyDub,
  endedAt,
  fitSlot,
  pauseAfter,
  remainingStretch,
} from "./isochrony.ts";
import { Settlement } from "./settlement.ts";
import { FragmentSlicer, type HeldFragment, type SlicerOptions, type Verdict } from "./slicer.ts";
import type { Silence } from "./words.ts";

export interface AnswerLineOptions extends SlicerOptions {
  /** Target languages, the first one first. */
  readonly languages: readonly string[];
  readonly dubRateHz: number;
}

/** A clause's dub as it was synthesised: mono at the line's rate, silence trimmed, at least one sample. */
export interface SpokenClause {
  readonly samples: Float32Array;
  /** The tempo that the synthesiser was asked for; 1 = natural. */
  readonly tempo: number;
}

/** Changes the length of speech and keeps its pitch: `stretch` 1.1 is a tenth longer. */
export type Stretch = (samples: Float32Array, stretch: number) => Float32Array;

/** What an answer says of a clause: its dub begins in this fragment, or it is late, or it will never be heard. */
export interface ClauseNotice {
  readonly clauseId: string;
  readonly language: string;
  readonly status: "dubbed" | "late" | "dropped";
  /** Of a dubbed one: where it lies. */
  readonly slot?: PlacedSlot;
  /** Of a dropped one. */
  readonly reason?: string;
}

export interface LineAnswer {
  readonly verdict: Verdict;
  /** Dub of the fragment by language; absent for `missed` and `hole`. */
  readonly dub?: ReadonlyMap<string, DubSlice>;
  readonly notices: readonly ClauseNotice[];
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
    silences: readonly Silence[],
  ): PlacedSlot | DroppedSlot | undefined {
    const entry = this.#entries.get(clauseId);
    const line = this.#languages.get(language);
    return entry && line && this.#fit(entry.clause, line, naturalMs, silences).slot;
  }

  /**
   * Places a dub, whole, or drops it whole when it is too late. The synthesiser's speed counts first, what remains is
   * stretched.
   *
   * @returns undefined for a clause that is settled already: its time is over
   */
  place(
    clauseId: string,
    language: string,
    spoken: SpokenClause,
    silences: readonly Silence[],
    stretch: Stretch,
  ): PlacedSlot | DroppedSlot | undefined {
    const entry = this.#entries.get(clauseId);
    const line = this.#languages.get(language);
    if (!entry || !line || !this.#settlement.isOpen(clauseId, language)) return undefined;
    const spokenMs = (spoken.samples.length / this.options.dubRateHz) * 1000;
    const naturalMs = spokenMs * spoken.tempo;
    const { state, slot } = this.#fit(entry.clause, line, naturalMs, silences);
    if (slot.outcome === "dropped") {
      line.state = state;
      this.#drop(clauseId, entry, language, "late");
      return slot;
    }
    const factor = remainingStretch(slot, naturalMs, spokenMs);
    const samples = factor === 1 ? spoken.samples : stretch(spoken.samples, factor);
    if (!line.track.place({ clauseId, startMs: slot.startMs, samples })) {
      this.#drop(clauseId, entry, language, "full");
      return { outcome: "dropped", lateMs: slot.lateMs };
    }
    const endMs = slot.startMs + (samples.length / this.options.dubRateHz) * 1000;
    line.state = endedAt(state, endMs);
    entry.pending.set(language, {
      clauseId,
      language,
      status: "dubbed",
      slot: { ...slot, endMs },
    });
    this.#settlement.settle(clauseId, language);
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

  #fit(clause: Clause, line: Language, naturalMs: number, silences: readonly Silence[]) {
    return fitSlot(line.state, {
      startMs: clause.startMs,
      endMs: clause.endMs,
      pauseAfterMs: pauseAfter(clause.endMs, silences),
      naturalMs,
      writableFromMs: this.#slicer.answeredUntilMs,
    });
  }

  #drop(clauseId: string, entry: Entry, language: string, reason: string): void {
    entry.pending.set(language, { clauseId, language, status: "dropped", reason });
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
          !entry.announcedLate.has(language),
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
