/**
 * Sequence numbers of one session: from 0, +1 each. A fragment that the server refuses uses up no
 * number, so its number goes to the next fragment; a hole would hold back every later answer.
 */
export class SequenceNumbers {
  #next = 0;
  #free: number[] = [];
  #taken = new Map<string, number>();

  /** The lowest number that is free. */
  take(wireId: string): number {
    const number = this.#free.shift() ?? this.#next++;
    this.#taken.set(wireId, number);
    return number;
  }

  /** True while the fragment is neither answered nor refused. */
  holds(wireId: string): boolean {
    return this.#taken.has(wireId);
  }

  answered(wireId: string): void {
    this.#taken.delete(wireId);
  }

  /** Gives the number back. */
  refused(wireId: string): void {
    const number = this.#taken.get(wireId);
    if (number === undefined) return;
    this.#taken.delete(wireId);
    this.#free.push(number);
    this.#free.sort((a, b) => a - b);
  }
}
