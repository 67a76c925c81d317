import type { PartialTranscript } from "../protocol/sts-events.ts";
import type { WorkerStatus } from "../protocol/supervisor.ts";

type Shown = NonNullable<WorkerStatus["partial"]>;

/** Sidecars hear at most 15 s beyond the last clause; of more text than this the newest is shown. */
const mostCharacters = 300;
/** The words of a speaker who has stopped became a clause, or nothing: no sidecar says that they are gone. */
const staleAfterMs = 3000;

/** What is being said beyond the clauses: the newest that a sidecar told, bounded, as long as it is fresh. */
export class PartialText {
  #shown: Shown | null = null;
  #heardAtMs = 0;

  /** @param nowMs on a clock that never jumps */
  hear({ text, stable_chars: stable }: PartialTranscript, nowMs: number): void {
    // Half a pair of surrogates at the cut is no character.
    const kept = text.slice(-mostCharacters).replace(/^[\uDC00-\uDFFF]/, "");
    const cut = text.length - kept.length;
    const stableChars = Math.min(kept.length, Math.max(0, stable - cut));
    this.#shown = kept === "" ? null : { text: kept, stableChars };
    this.#heardAtMs = nowMs;
  }

  /** Null: nothing is being said, or nobody has told for a while. */
  at(nowMs: number): Shown | null {
    return nowMs - this.#heardAtMs > staleAfterMs ? null : this.#shown;
  }
}
