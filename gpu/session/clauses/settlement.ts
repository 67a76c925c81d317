/**
 * Which clauses of a session may still sound, for each target language.
 * A clause is open from its cut until its dub is placed, dropped or failed; bounded by the clauses in flight.
 */
export class Settlement {
  #open = new Map<string, Map<string, number>>();

  /** @param startMs session time of the clause's first word */
  open(clauseId: string, startMs: number, languages: readonly string[]): void {
    for (const language of languages) {
      const clauses = this.#open.get(language) ?? new Map<string, number>();
      clauses.set(clauseId, startMs);
      this.#open.set(language, clauses);
    }
  }

  /** Nothing more of the clause will be placed in this language. Unknown ones are no error: they were dropped. */
  settle(clauseId: string, language: string): void {
    const clauses = this.#open.get(language);
    clauses?.delete(clauseId);
    if (clauses?.size === 0) this.#open.delete(language);
  }

  isOpen(clauseId: string, language: string): boolean {
    return this.#open.get(language)?.has(clauseId) ?? false;
  }

  /** Clauses that are open in a language. */
  openCount(language: string): number {
    return this.#open.get(language)?.size ?? 0;
  }

  /** Clauses that begin before `ms` and are still open in any language: late, if that moment must be answered now. */
  openBefore(ms: number): string[] {
    const found = [...this.#open.values()].flatMap((clauses) =>
      [...clauses].filter(([, startMs]) => startMs < ms).map(([clauseId]) => clauseId),
    );
    return [...new Set(found)];
  }

  /**
   * Session time before which one language's dub will not change any more.
   *
   * @param freeAtMs where its placed dub ends: nothing can begin before that
   * @param uncutFromMs {@link uncutFrom}
   */
  finalUntilMs(language: string, freeAtMs: number, uncutFromMs: number): number {
    const starts = [...(this.#open.get(language)?.values() ?? []), uncutFromMs];
    return Math.max(freeAtMs, Math.min(...starts));
  }
}

/** What recognition knows of the words that are in no clause yet. Session time, ms. */
export interface Uncut {
  /** Start of the first word that is recognised, committed or not, and in no clause. */
  readonly firstWordMs?: number | undefined;
  /** Start of the speech that is being heard and not settled. */
  readonly speechStartMs?: number | undefined;
  /** How far the voice activity detector has heard. */
  readonly heardUntilMs: number;
}

/** A detector answers late to soft beginnings, and word times are not exact. */
const onsetGuardMs = 200;

/** The earliest moment at which a clause that is not cut yet could begin. */
export function uncutFrom(uncut: Uncut): number {
  return Math.min(
    uncut.firstWordMs ?? Number.POSITIVE_INFINITY,
    (uncut.speechStartMs ?? uncut.heardUntilMs) - onsetGuardMs,
  );
}
