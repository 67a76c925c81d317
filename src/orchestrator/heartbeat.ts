export interface HeartbeatOptions {
  /** The first sign of life may take this long. */
  readonly startWithinMs: number;
  /** After it, a silence this long means that the process hangs. */
  readonly silentAfterMs: number;
  /** Asked at that point: a process that only waits for its turn on the machine gets `busyAfterMs`. */
  readonly isBusy?: () => boolean;
  readonly onSilent: () => void;
}

/** So long a busy process may be silent: on a machine with too much to do, killing it would only add work. */
const busyAfterMs = 4000;

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
    const mayBeBusy = this.#silentMs < Math.max(busyAfterMs, this.#limitMs + tickMs);
    if (mayBeBusy && this.options.isBusy?.() === true) return;
    this.close();
    this.options.onSilent();
  }
}
