import type { OutgoingFragment } from "./fragment.ts";
import type { AttemptError, FragmentAnswer, FragmentOutcome } from "./fragment.ts";

/** A fragment that the client has taken on; settled exactly once. */
export interface Entry {
  readonly fragment: OutgoingFragment;
  /** Attempts sent so far. */
  tries: number;
  settled: boolean;
  /** Outcome of the last attempt's sending, for reports. */
  sequenceNumber: number | undefined;
  sentAtMs: number | undefined;
  settle(outcome: FragmentOutcome): void;
  cancelDeadline: () => void;
}

/** One sending of a fragment. It holds a credit until it is answered, timed out or lost. */
export interface Attempt {
  readonly wireId: string;
  readonly entry: Entry;
  readonly sequenceNumber: number;
  readonly sentAtMs: number;
  resolve(answer: FragmentAnswer): void;
  reject(error: AttemptError): void;
  cancelTimeout: () => void;
}

/** How an answer that nobody waits for came to be. */
export type Stray = "late" | "duplicate" | "unknown";

/** Wire ids remembered after they left: enough to tell a late answer from a foreign one. */
const remembered = 256;

/** The attempts in flight, by the id that they have on the wire. */
export class Attempts {
  #open = new Map<string, Attempt>();
  #past = new Map<string, Stray>();

  get size(): number {
    return this.#open.size;
  }

  add(attempt: Attempt): void {
    this.#open.set(attempt.wireId, attempt);
  }

  get(wireId: string): Attempt | undefined {
    return this.#open.get(wireId);
  }

  /** Takes the attempt out and frees its credit; a further answer to it is then `afterwards`. */
  remove(attempt: Attempt, afterwards: Stray): void {
    attempt.cancelTimeout();
    this.#open.delete(attempt.wireId);
    this.#past.set(attempt.wireId, afterwards);
    const oldest = this.#past.size > remembered ? this.#past.keys().next().value : undefined;
    if (oldest !== undefined) this.#past.delete(oldest);
  }

  /** Takes all out, oldest first. */
  drain(): Attempt[] {
    const all = [...this.#open.values()];
    for (const attempt of all) this.remove(attempt, "late");
    return all;
  }

  stray(wireId: string): Stray {
    return this.#past.get(wireId) ?? "unknown";
  }
}
