import type { Counter } from "prom-client";
import { stsErrorTable } from "../protocol/sts-errors.ts";
import type { StreamSeries } from "./metrics-series.ts";

/** What a worker counts of clauses, by the names of its counters. */
const statuses = ["dubbed", "late", "dropped"] as const;
const droppedCounter = /^clause_dropped_(.+)$/;
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
    const stream = { stream_id: streamId };
    const countTo = this.series.countTo.bind(this.series, streamId, "worker");
    for (const status of statuses) {
      const count = counters[`clauses_${status}`];
      if (count !== undefined) countTo(this.#byStatus, { ...stream, status }, count);
    }
    for (const [reason, count] of droppedByReason(counters))
      countTo(this.#dropped, { ...stream, reason }, count);
    const words = counters["clause_words"];
    if (words !== undefined) countTo(this.#words, stream, words);
  }
}

/** Sums before counting: a cumulative value must not go down, and unnamed reasons share one series. */
function droppedByReason(counters: Readonly<Record<string, number>>): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [name, count] of Object.entries(counters)) {
    const told = droppedCounter.exec(name)?.[1];
    if (told === undefined) continue;
    const reason = namedReasons.has(told) ? told : "other";
    sums.set(reason, (sums.get(reason) ?? 0) + count);
  }
  return sums;
}
