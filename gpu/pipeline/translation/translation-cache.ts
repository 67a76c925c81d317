import { LRUCache } from "lru-cache";
import type { FaithfulTranslation } from "./faithful.ts";

const mostEntries = 2000;
const mostBytes = 8 * 2 ** 20;
/** Of an entry beside its characters, by estimate. */
const overheadBytes = 200;

/**
 * Translations that were made already; the least recently used make room. Keyed by everything that shaped
 * them; the values hold nothing of a session but its texts.
 */
export class TranslationCache {
  readonly #entries = new LRUCache<string, FaithfulTranslation>({
    max: mostEntries,
    maxSize: mostBytes,
    sizeCalculation: ({ text }, key) => 2 * (text.length + key.length) + overheadBytes,
  });

  get(key: readonly unknown[]): FaithfulTranslation | undefined {
    return this.#entries.get(hashed(key));
  }

  set(key: readonly unknown[], translation: FaithfulTranslation): void {
    this.#entries.set(hashed(key), translation);
  }
}

/** A session's lists may be long: the key is their digest. */
function hashed(key: readonly unknown[]): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(key)).digest("base64");
}
