import type { FragmentReport } from "../protocol/supervisor.ts";

/** How one stream's fragments have fared. */
export interface FragmentTally {
  readonly dubbed: number;
  readonly partial: number;
  readonly noSpeech: number;
  readonly fallback: number;
  /** Reasons of fallbacks and partials, by count. */
  readonly reasons: Readonly<Record<string, number>>;
}

interface Tally {
  dubbed: number;
  partial: number;
  noSpeech: number;
  fallback: number;
  reasons: Map<string, number>;
}

/** Reasons come from sidecars as codes; past this many different ones the rest counts as `other`. */
const maxReasons = 24;

/** Counts of fragments per stream, for the status page and the API. */
export class FragmentTallies {
  #byStream = new Map<string, Tally>();

  count(streamId: string, { outcome, reason }: FragmentReport): void {
    const tally = this.#byStream.get(streamId) ?? newTally();
    this.#byStream.set(streamId, tally);
    tally[outcome === "no-speech" ? "noSpeech" : outcome] += 1;
    if (reason === null) return;
    const known = tally.reasons.has(reason) || tally.reasons.size < maxReasons;
    const key = known ? reason : "other";
    tally.reasons.set(key, (tally.reasons.get(key) ?? 0) + 1);
  }

  of(streamId: string): FragmentTally {
    const tally = this.#byStream.get(streamId) ?? newTally();
    return { ...tally, reasons: Object.fromEntries(tally.reasons) };
  }

  forget(streamId: string): void {
    this.#byStream.delete(streamId);
  }
}

function newTally(): Tally {
  return { dubbed: 0, partial: 0, noSpeech: 0, fallback: 0, reasons: new Map() };
}
