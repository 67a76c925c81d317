/** Named counts since the start, as they travel in status messages. */
export class Counters {
  #counts: Record<string, number> = {};

  add(name: string, by = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + by;
  }

  get(name: string): number {
    return this.#counts[name] ?? 0;
  }

  snapshot(): Record<string, number> {
    return { ...this.#counts };
  }
}
