import { Counter, Gauge, type Registry } from "prom-client";

/** How often a translation had been made before (contract section 9: "cache hit ratio"). */
export class TranslationCacheMetrics {
  readonly #lookups: Counter<"result">;
  #hits = 0;
  #misses = 0;

  constructor(registry: Registry) {
    this.#lookups = new Counter({
      name: "sts_translation_cache_lookups_total",
      help: "Translations asked for, by whether they had been made before",
      labelNames: ["result"],
      registers: [registry],
    });
    const ratio = () => this.#ratio();
    const gauge = new Gauge({
      name: "sts_translation_cache_hit_ratio",
      help: "Share of translations that had been made before, since the start; absent before the first",
      registers: [],
      collect() {
        const value = ratio();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
    registry.registerMetric(gauge);
  }

  lookedUp(hit: boolean): void {
    if (hit) this.#hits += 1;
    else this.#misses += 1;
    this.#lookups.inc({ result: hit ? "hit" : "miss" });
  }

  #ratio(): number | undefined {
    const lookups = this.#hits + this.#misses;
    return lookups === 0 ? undefined : this.#hits / lookups;
  }
}
