import type { ClauseMessage } from "../../src/protocol/sts-fragment.ts";
import type { ClauseNotice } from "./clauses/line-answer.ts";
import type { Clause } from "./clauses/clause-cutter.ts";

/** What a clause has cost, for the answer's timings. */
export interface ClauseTimings {
  asrMs: number;
  translationMs: number;
  ttsMs: number;
}

/** A dub as it was spoken, before it was fitted. */
export interface SpokenDub {
  /** Length at tempo 1. */
  readonly naturalMs: number;
  /** No tempo of speech brings it into its slot. */
  readonly clamped: boolean;
}

/** A clause on its way: what was said, in every language, and what it took. */
export interface ClauseEntry {
  readonly clause: Clause;
  readonly languages: readonly string[];
  readonly translations: Map<string, string>;
  readonly voices: Map<string, string>;
  readonly spoken: Map<string, SpokenDub>;
  readonly timings: ClauseTimings;
  readonly warnings: Set<string>;
  /** Languages whose fate has not been told yet. */
  readonly untold: Set<string>;
}

/** The texts of the clauses in flight, by id; one leaves when its fate was told for every language. */
export class ClauseBook {
  readonly #entries = new Map<string, ClauseEntry>();
  /** A message may be told later than its clause is forgotten. */
  readonly #records = new WeakMap<ClauseMessage, ClauseEntry>();

  get size(): number {
    return this.#entries.size;
  }

  open(clauseId: string, clause: Clause, languages: readonly string[], asrMs: number): ClauseEntry {
    const entry: ClauseEntry = {
      clause,
      languages,
      translations: new Map(),
      voices: new Map(),
      spoken: new Map(),
      timings: { asrMs, translationMs: 0, ttsMs: 0 },
      warnings: new Set(),
      untold: new Set(languages),
    };
    this.#entries.set(clauseId, entry);
    return entry;
  }

  find(clauseId: string): ClauseEntry | undefined {
    return this.#entries.get(clauseId);
  }

  /** What is known of a clause beyond a message that tells of it; for whoever keeps records. */
  recordOf(message: ClauseMessage): ClauseEntry | undefined {
    return this.#records.get(message);
  }

  /**
   * What an answer says of clauses: one message for each clause and status. Those whose fate is told are forgotten.
   *
   * @param sessionMs the sender's time of a moment on the track
   */
  messages(
    notices: readonly ClauseNotice[],
    sessionMs: (trackMs: number) => number,
  ): ClauseMessage[] {
    const groups = new Map<string, ClauseNotice[]>();
    for (const notice of notices) {
      const key = `${notice.clauseId} ${notice.status} ${notice.reason ?? ""}`;
      groups.set(key, [...(groups.get(key) ?? []), notice]);
    }
    const messages = [...groups.values()].flatMap((group) => this.#message(group, sessionMs) ?? []);
    for (const { clauseId, language, status } of notices) {
      if (status === "late") continue;
      const entry = this.#entries.get(clauseId);
      entry?.untold.delete(language);
      if (entry?.untold.size === 0) this.#entries.delete(clauseId);
    }
    return messages;
  }

  #message(
    group: readonly ClauseNotice[],
    sessionMs: (trackMs: number) => number,
  ): ClauseMessage | undefined {
    const [first] = group;
    const entry = first && this.#entries.get(first.clauseId);
    if (first === undefined || entry === undefined) return undefined;
    const { clause, translations, voices } = entry;
    const at = (trackMs: number) => Math.round(sessionMs(trackMs));
    const languages = group.map(({ language }) => language);
    const dub = group.flatMap(({ language, slot }) =>
      slot === undefined
        ? []
        : [
            [
              language,
              {
                start_ms: at(slot.startMs),
                end_ms: at(slot.endMs),
                tempo: Math.round(slot.tempo * 1000) / 1000,
                voice: voices.get(language),
              },
            ] as const,
          ],
    );
    const message: ClauseMessage = {
      clause_id: first.clauseId,
      start_ms: at(clause.startMs),
      end_ms: at(clause.endMs),
      source_text: clause.text,
      words: clause.words.map((word) => ({
        word: word.text,
        start_ms: at(word.startMs),
        end_ms: at(word.endMs),
      })),
      translations: Object.fromEntries(
        languages.flatMap((language) => {
          const text = translations.get(language);
          return text === undefined ? [] : [[language, text]];
        }),
      ),
      ...(dub.length > 0 && { dub: Object.fromEntries(dub) }),
      status: first.status,
      languages,
      ...(first.reason !== undefined && { reason: first.reason }),
    };
    this.#records.set(message, entry);
    return message;
  }
}
