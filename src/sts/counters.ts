/** Some names hold codes that a sidecar chose: past this many different ones the rest counts as `other`. */
const maxNames = 256;

/** Named counts since the start, as they travel in status messages. */
export class Counters {
  #counts: Record<string, number> = {};

  add(name: string, by = 1): void {
    const known = Object.hasOwn(this.#counts, name);
    const key = known || Object.keys(this.#counts).length < maxNames ? name : "other";
    this.#counts[key] = (this.#counts[key] ?? 0) + by;
  }

  get(name: string): number {
    return Object.hasOwn(this.#counts, name) ? (this.#counts[name] ?? 0) : 0;
  }

  snapshot(): Record<string, number> {
    return { ...this.#counts };
  }
}
