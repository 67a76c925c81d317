/** Numbers that never came, and that were passed over: `expected` is the first, `got` the one that came instead. */
export interface SkippedHole {
  readonly expected: number;
  readonly got: number;
}

/** Why a number cannot be accepted: which would have been right, and which came. */
export type SequenceVerdict =
  { readonly ok: true } | { readonly ok: false; readonly expected: number; readonly got: number };

/** A session may begin above 0 only this far: what lies below counts as lost on the way. */
export const furthestFirstNumber = 32;

interface Slot<Answer> {
  readonly acceptedAtMs: number;
  answer: Answer | undefined;
}

/**
 * Puts answers into the order of their sequence numbers: an answer leaves when every lower number has
 * left or is known to be lost. A number that has not come `holeTimeoutMs` after a higher one is lost.
 * Pure: the clock is a parameter. Holds no more slots than its owner accepts.
 */
export class Sequencer<Answer extends object> {
  /** The next number to leave. */
  #next = 0;
  #begun = false;
  readonly #slots = new Map<number, Slot<Answer>>();

  constructor(readonly holeTimeoutMs: number) {}

  /** Accepted and not yet out. */
  get held(): number {
    return this.#slots.size;
  }

  /** Whether this number may be accepted: not used before, and not too far ahead as the first one. */
  check(sequenceNumber: number): SequenceVerdict {
    const refused = { ok: false, expected: this.#firstFree(), got: sequenceNumber } as const;
    if (sequenceNumber < this.#next || this.#slots.has(sequenceNumber)) return refused;
    if (!this.#begun && sequenceNumber > furthestFirstNumber) return refused;
    return { ok: true };
  }

  /** Takes a number that {@link check} found right. */
  accept(sequenceNumber: number, nowMs: number): void {
    this.#begun = true;
    this.#slots.set(sequenceNumber, { acceptedAtMs: nowMs, answer: undefined });
  }

  /** Stores the answer of an accepted number; false when the number is not waiting for one. */
  settle(sequenceNumber: number, answer: Answer): boolean {
    const slot = this.#slots.get(sequenceNumber);
    if (slot === undefined || slot.answer !== undefined) return false;
    slot.answer = answer;
    return true;
  }

  /**
   * What may leave now, in order, and the holes that were given up on the way.
   *
   * @param givenUpBelow numbers below this that never came are known to be lost
   */
  drain(
    nowMs: number,
    givenUpBelow = 0,
  ): { readonly answers: Answer[]; readonly holes: SkippedHole[] } {
    const answers: Answer[] = [];
    const holes: SkippedHole[] = [];
    for (;;) {
      const slot = this.#slots.get(this.#next);
      if (slot?.answer !== undefined) {
        answers.push(slot.answer);
        this.#slots.delete(this.#next);
        this.#next++;
        continue;
      }
      const expiresAtMs = slot === undefined ? this.holeExpiresAtMs() : undefined;
      const isLost = this.#next < givenUpBelow || nowMs >= (expiresAtMs ?? Number.NaN);
      if (expiresAtMs === undefined || !isLost) return { answers, holes };
      holes.push(this.#skipHole());
    }
  }

  /** Gives up every hole at once, for a stream to which nothing will be added. */
  drainPastHoles(): { readonly answers: Answer[]; readonly holes: SkippedHole[] } {
    return this.drain(Number.POSITIVE_INFINITY);
  }

  /** When the number that all others wait for is given up; undefined while it has come, or nothing waits. */
  holeExpiresAtMs(): number | undefined {
    if (this.#slots.size === 0 || this.#slots.has(this.#next)) return undefined;
    let knownSinceMs = Number.POSITIVE_INFINITY;
    for (const slot of this.#slots.values())
      knownSinceMs = Math.min(knownSinceMs, slot.acceptedAtMs);
    return knownSinceMs + this.holeTimeoutMs;
  }

  #skipHole(): SkippedHole {
    const expected = this.#next;
    this.#next = Math.min(...this.#slots.keys());
    return { expected, got: this.#next };
  }

  #firstFree(): number {
    let free = this.#next;
    while (this.#slots.has(free)) free++;
    return free;
  }
}
