/** The first restart comes at once (a stream is to lose its dub for a second, not more), then it doubles. */
const firstMs = 50;
const capMs = 30_000;

/** So many deaths in a row, each before {@link stableAfterMs}, make a stream `degraded`. */
export const degradedAfterDeaths = 10;

/** A process that ran this long has started well: what came before is forgotten. */
export const stableAfterMs = 30_000;

/** Delay before the n-th restart in a row (n from 1): 50 ms, doubling to 30 s. */
export function restartDelayMs(deaths: number): number {
  return Math.min(capMs, firstMs * 2 ** Math.min(Math.max(deaths, 1) - 1, 20));
}
