import type { Counter } from "prom-client";
import { clauseCounts } from "../protocol/clause-counts.ts";
import { stsErrorTable } from "../protocol/sts-errors.ts";
import type { StreamSeries } from "./metrics-series.ts";

/**
 * Reasons of dropped clauses that are shown by name: those of our sidecar, of our worker (`lost` with an answer,
 * `untold`), and the protocol's error codes. Others come from foreign sidecars and count as `other`.
 */
const namedReasons: ReadonlySet<string> = new Set([
  ...["late", "overload", "full", "nothing_to_say", "lost", "untold"],
  ...Object.keys(stsErrorTable).map((code) => code.toLowerCase()),
]);

/** Families of sessions that work by clauses: the main language's, in the style of contract 5.2. */
export class ClauseMetrics {
  readonly #byStatus: Counter;
  readonly #dropped: Counter;
  readonly #words: Counter;

  constructor(private readonly series: StreamSeries) {
    this.#byStatus = series.counter(
      "worker_clauses_total",
      "Clauses dubbed, announced late (and told again when dubbed or dropped), dropped",
      ["stream_id", "status"],
    );
    this.#dropped = series.counter("worker_clauses_dropped_total", "Dropped clauses by reason", [
      "stream_id",
      "reason",
    ]);
    this.#words = series.counter(
      "worker_clause_words_total",
      "Words of the source in clauses whose fate is known",
      ["stream_id"],
    );
  }

  /** @param counters a worker's, cumulative since its start; without clauses in them nothing is shown */
  countWorker(streamId: string, counters: Readonly<Record<string, number>>): void {
    const counts = clauseCounts(counters);
    if (counts === undefined) return;
    const stream = { stream_id: streamId };
    const countTo = this.series.countTo.bind(this.series, streamId, "worker");
    for (const status of ["dubbed", "late", "dropped"] as const)
      countTo(this.#byStatus, { ...stream, status }, counts[status]);
    for (const [reason, count] of namedSums(counts.droppedByReason))
      countTo(this.#dropped, { ...stream, reason }, count);
    countTo(this.#words, stream, counts.words);
  }
}

/** Sums before counting: unnamed reasons share one series, whose cumulative value must not go down. */
function namedSums(reasons: Readonly<Record<string, number>>): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [told, count] of Object.entries(reasons)) {
    const reason = namedReasons.has(told) ? told : "other";
    sums.set(reason, (sums.get(reason) ?? 0) + count);
  }
  return sums;
}
