export interface HeartbeatOptions {
  /** The first sign of life may take this long. */
  readonly startWithinMs: number;
  /** After it, a silence this long means that the process hangs. */
  readonly silentAfterMs: number;
  readonly onSilent: () => void;
}

const tickMs = 100;
/** One late tick of ours counts for no more than this: when the whole machine stalls, nobody hangs. */
const mostPerTickMs = 200;

/** Finds a process that lives and says nothing. `onSilent` is called once. */
export class Heartbeat {
  #silentMs = 0;
  #limitMs: number;
  #lastTickMs = performance.now();
  #timer: ReturnType<typeof setInterval>;

  constructor(readonly options: HeartbeatOptions) {
    this.#limitMs = options.startWithinMs;
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** A sign of life. */
  beat(): void {
    this.#silentMs = 0;
    this.#limitMs = this.options.silentAfterMs;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    this.#silentMs += Math.min(now - this.#lastTickMs, mostPerTickMs);
    this.#lastTickMs = now;
    if (this.#silentMs < this.#limitMs) return;
    this.close();
    this.options.onSilent();
  }
}
