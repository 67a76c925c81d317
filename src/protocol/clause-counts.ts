/** What became of a worker's clauses in its main language, since it started. */
export interface ClauseCounts {
  readonly dubbed: number;
  /** Announced late; each counts again when it is dubbed or dropped. */
  readonly late: number;
  readonly dropped: number;
  /** Why clauses were dropped, by lower-case codes; the names are the sidecar's. */
  readonly droppedByReason: Readonly<Record<string, number>>;
  /** Words of the source in clauses whose fate is known. */
  readonly words: number;
}

const prefix = "clause_dropped_";

/** Reads them from a worker's counters; undefined where it has been told of no clause. */
export function clauseCounts(counters: Readonly<Record<string, number>>): ClauseCounts | undefined {
  const names = ["clauses_dubbed", "clauses_late", "clauses_dropped"] as const;
  if (names.every((name) => counters[name] === undefined)) return undefined;
  const [dubbed = 0, late = 0, dropped = 0] = names.map((name) => counters[name]);
  const reasons = Object.entries(counters).filter(([name]) => name.startsWith(prefix));
  return {
    dubbed,
    late,
    dropped,
    droppedByReason: Object.fromEntries(
      reasons.map(([name, count]) => [name.slice(prefix.length), count]),
    ),
    words: counters["clause_words"] ?? 0,
  };
}
