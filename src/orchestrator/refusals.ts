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

/** The latest refused publishes, newest last; an encoder that tries again and again is listed once. */
export class Refusals {
  #latest: Refusal[] = [];

  /** Notes a refusal; true when it is another one than the stream's last. */
  note(streamId: string, code: string, message: string): boolean {
    const same = this.#latest.findIndex((one) => one.streamId === streamId && one.code === code);
    if (same >= 0) this.#latest.splice(same, 1);
    this.#latest.push({ at: new Date().toISOString(), streamId, code, message });
    if (this.#latest.length > most) this.#latest.shift();
    return same < 0;
  }

  /** The stream was let in: what was wrong before is settled. */
  settle(streamId: string): void {
    this.#latest = this.#latest.filter((one) => one.streamId !== streamId);
  }

  get list(): readonly Refusal[] {
    return [...this.#latest];
  }
}
