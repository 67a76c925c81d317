/** A source that sent nothing for this long has fallen silent. */
const silentAfterMs = 1500;
/** Looks further apart than this say more about us than about the source. */
const longestLookMs = 1200;

/** Finds a source that holds its path and sends nothing, from looks at how many bytes it has sent. */
export class SilenceWatch {
  #sourceId: string | undefined;
  #bytes = -1;
  #movedAtMs = 0;
  #lookedAtMs = 0;

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** One look. True once for each silence that has lasted too long. */
  isSilent(sourceId: string, bytes: number): boolean {
    const now = this.nowMs();
    const weWereAway = now - this.#lookedAtMs > longestLookMs;
    this.#lookedAtMs = now;
    if (weWereAway || sourceId !== this.#sourceId || bytes !== this.#bytes) this.#movedAtMs = now;
    this.#sourceId = sourceId;
    this.#bytes = bytes;
    if (now - this.#movedAtMs < silentAfterMs) return false;
    this.#movedAtMs = now;
    return true;
  }
}
