import type { StreamCompleteMessage } from "../../src/protocol/sts-session.ts";

/** What one answered fragment adds to the statistics. */
export interface AnsweredFragment {
  readonly status: "success" | "partial" | "failed";
  readonly processingTimeMs: number;
  readonly durationMs: number;
  readonly error?: { readonly code: string; readonly stage: string } | undefined;
}

/** Codes come from the simulation too, so that a hostile peer could invent them without end. */
const mostCodes = 100;

/** Counts of a session from its start to `stream:complete`. */
export class SessionStatistics {
  #counts = { success: 0, partial: 0, failed: 0 };
  #audioMs = 0;
  #sumMs = 0;
  /** Answers by whole milliseconds of processing: exact percentiles in bounded memory. */
  readonly #timesMs = new Map<number, number>();
  readonly #byStage = new Map<string, number>();
  readonly #byCode = new Map<string, number>();
  #workerAcks = { received: 0, applied: 0 };

  get answered(): number {
    return this.#counts.success + this.#counts.partial + this.#counts.failed;
  }

  /** How many fragments the worker said it received and applied. */
  get workerAcks(): Readonly<{ received: number; applied: number }> {
    return this.#workerAcks;
  }

  add(fragment: AnsweredFragment): void {
    this.#counts[fragment.status]++;
    this.#audioMs += fragment.durationMs;
    this.#sumMs += fragment.processingTimeMs;
    increment(this.#timesMs, fragment.processingTimeMs);
    if (fragment.error === undefined) return;
    increment(this.#byStage, fragment.error.stage);
    const known = this.#byCode.has(fragment.error.code) || this.#byCode.size < mostCodes;
    increment(this.#byCode, known ? fragment.error.code : "OTHER");
  }

  addWorkerAck(status: string | undefined): void {
    if (status === "received" || status === "applied") this.#workerAcks[status]++;
  }

  /** The message that closes the stream. */
  completeMessage(streamId: string): StreamCompleteMessage {
    const total = this.answered;
    const average = total === 0 ? 0 : Math.round((this.#sumMs / total) * 100) / 100;
    return {
      stream_id: streamId,
      total_fragments: total,
      total_duration_ms: this.#audioMs,
      statistics: {
        success_count: this.#counts.success,
        partial_count: this.#counts.partial,
        failed_count: this.#counts.failed,
        avg_processing_time_ms: average,
        p95_processing_time_ms: this.#percentile(0.95),
        total_fragments: total,
        total_audio_duration_ms: this.#audioMs,
      },
      error_breakdown: {
        by_stage: Object.fromEntries(this.#byStage),
        by_code: Object.fromEntries(this.#byCode),
      },
      success_count: this.#counts.success,
      failed_count: this.#counts.failed,
      avg_processing_time_ms: average,
    };
  }

  /** Element `floor(share · n)` of the sorted times; 0 when there are none. */
  #percentile(share: number): number {
    let left = Math.floor(share * this.answered);
    for (const [ms, count] of [...this.#timesMs].toSorted((a, b) => a[0] - b[0])) {
      if (left < count) return ms;
      left -= count;
    }
    return 0;
  }
}

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
