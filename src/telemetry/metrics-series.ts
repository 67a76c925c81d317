import { Counter, Gauge, Histogram, Registry, type LabelValues } from "prom-client";

type Labels = LabelValues<string>;
type Family = Counter | Gauge | Histogram;
/** What a child told last, by counter and labels. */
type Told = Map<Counter, Map<string, number>>;

/** Series of a stream that ended stay this long, so that a last scrape still sees them. */
const keptAfterEndMs = 300_000;
/** At most so many ended streams are kept, however short they were. */
const keptEnded = 32;
/** Label values may come from a sidecar: no stream gets more series of one family than this. */
const maxSeries = 100;
/** What still arrives this soon after the end belongs to the stream that ended; later it is a new one. */
const lateMs = 10_000;

/**
 * Metric families whose series belong to streams and go away with them.
 *
 * Children count from their own start: {@link countTo} takes such a cumulative value and adds what is
 * new since the last one; a value that went down means that the child was replaced.
 */
export class StreamSeries {
  readonly registry = new Registry();
  #used = new Map<string, Map<Family, Map<string, Labels>>>();
  /** By stream, by child. */
  #lastCounts = new Map<string, Map<string, Told>>();
  #ended = new Map<string, number>();

  /** @param now a monotonic clock in milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  counter(name: string, help: string, labelNames: readonly string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  gauge(name: string, help: string, labelNames: readonly string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  histogram(
    name: string,
    help: string,
    labelNames: readonly string[],
    buckets: readonly number[],
  ): Histogram {
    return new Histogram({
      name,
      help,
      labelNames,
      buckets: [...buckets],
      registers: [this.registry],
    });
  }

  set(streamId: string, gauge: Gauge, labels: Labels, value: number): void {
    if (this.#remember(streamId, gauge, labels)) gauge.set(labels, value);
  }

  add(streamId: string, counter: Counter, labels: Labels, by = 1): void {
    if (this.#remember(streamId, counter, labels)) counter.inc(labels, by);
  }

  observe(streamId: string, histogram: Histogram, labels: Labels, value: number): void {
    if (this.#remember(streamId, histogram, labels)) histogram.observe(labels, value);
  }

  /** Brings a counter up by what a child's cumulative `value` grew since that child last told it. */
  countTo(streamId: string, child: string, counter: Counter, labels: Labels, value: number): void {
    if (!Number.isFinite(value) || value < 0) return;
    const children = valueOr(this.#lastCounts, streamId, () => new Map<string, Told>());
    const told = valueOr(children, child, (): Told => new Map());
    const lasts = valueOr(told, counter, () => new Map<string, number>());
    const key = keyOf(labels);
    const last = lasts.get(key) ?? 0;
    lasts.set(key, value);
    this.add(streamId, counter, labels, value >= last ? value - last : value);
  }

  /** The next value that this child tells counts from 0: it is another process. */
  childReplaced(streamId: string, child: string): void {
    this.#lastCounts.get(streamId)?.delete(child);
  }

  /** The stream has ended: its series go after a while, or sooner when many streams end. */
  end(streamId: string): void {
    this.#ended.delete(streamId);
    this.#ended.set(streamId, this.now());
    this.#lastCounts.delete(streamId);
    this.dropStale();
  }

  /** Drops what is due; called at each scrape. */
  dropStale(): void {
    const due = this.now() - keptAfterEndMs;
    for (const [streamId, endedAt] of this.#ended)
      if (endedAt <= due || this.#ended.size > keptEnded) this.#drop(streamId);
  }

  /** How many streams hold series now. */
  get streams(): number {
    return this.#used.size;
  }

  /**
   * Notes whose a series is; false when the stream has as many of this family as it may. A stream that
   * is measured long after its end lives again.
   */
  #remember(streamId: string, family: Family, labels: Labels): boolean {
    const endedAt = this.#ended.get(streamId);
    if (endedAt !== undefined && this.now() - endedAt > lateMs) this.#ended.delete(streamId);
    const families = valueOr(this.#used, streamId, () => new Map<Family, Map<string, Labels>>());
    const series = valueOr(families, family, () => new Map<string, Labels>());
    const key = keyOf(labels);
    if (!series.has(key) && series.size >= maxSeries) return false;
    series.set(key, labels);
    return true;
  }

  #drop(streamId: string): void {
    for (const [family, series] of this.#used.get(streamId) ?? [])
      for (const labels of series.values()) family.remove(labels);
    this.#used.delete(streamId);
    this.#lastCounts.delete(streamId);
    this.#ended.delete(streamId);
  }
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function valueOr<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
