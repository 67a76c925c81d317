/** One publish that was not let in, for the API and the status page. */
export interface Refusal {
  readonly at: string;
  readonly streamId: string;
  /** Stable: `WRONG_KEY`, `MAX_WORKERS`, `UNSUPPORTED_LANGUAGE`, … */
  readonly code: string;
  /** Why, and what to do. */
  readonly message: string;
}

/** Anyone who reaches the listener can cause refusals, so only the latest are kept. */
const most = 20;

/** Warnings about refusals in any minute; names can be made up without end, lines of the log should not. */
const mostWarnings = 10;
const warningsPerMs = 60_000;

/** The latest refused publishes, newest last; an encoder that tries again and again is listed once. */
export class Refusals {
  #latest: Refusal[] = [];
  #warnedAtMs: number[] = [];
  #unwarned = 0;

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /**
   * Notes a refusal.
   * @returns whether it is worth a warning, being another one than the stream's last and not one too many
   *   of this minute, and how many were one too many since the last warning
   */
  note(streamId: string, code: string, message: string): { warn: boolean; unwarned: number } {
    const same = this.#latest.findIndex((one) => one.streamId === streamId && one.code === code);
    if (same >= 0) this.#latest.splice(same, 1);
    this.#latest.push({ at: new Date().toISOString(), streamId, code, message });
    if (this.#latest.length > most) this.#latest.shift();
    return same < 0 ? this.#warn() : { warn: false, unwarned: 0 };
  }

  #warn(): { warn: boolean; unwarned: number } {
    const now = this.nowMs();
    this.#warnedAtMs = this.#warnedAtMs.filter((at) => now - at < warningsPerMs);
    if (this.#warnedAtMs.length >= mostWarnings) {
      this.#unwarned += 1;
      return { warn: false, unwarned: 0 };
    }
    this.#warnedAtMs.push(now);
    const unwarned = this.#unwarned;
    this.#unwarned = 0;
    return { warn: true, unwarned };
  }

  /** The stream was let in: what was wrong before is settled. */
  settle(streamId: string): void {
    this.#latest = this.#latest.filter((one) => one.streamId !== streamId);
  }

  get list(): readonly Refusal[] {
    return [...this.#latest];
  }
}
