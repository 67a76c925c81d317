import type { ClauseMessage } from "../../src/protocol/sts-fragment.ts";

/** More than a client remembers; reached only where answers fail for minutes on end. */
const mostCarried = 256;

/** What answers that failed were to tell of clauses: the next answer tells it. Bounded, the oldest go first. */
export class CarriedClauses {
  #clauses: ClauseMessage[] = [];

  get size(): number {
    return this.#clauses.length;
  }

  keep(clauses: readonly ClauseMessage[]): void {
    this.#clauses = [...this.#clauses, ...clauses].slice(-mostCarried);
  }

  /** @returns what was kept, in its order; the caller tells it or keeps it again */
  take(): readonly ClauseMessage[] {
    const clauses = this.#clauses;
    this.#clauses = [];
    return clauses;
  }
}
