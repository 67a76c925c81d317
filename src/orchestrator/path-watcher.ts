import type { ControlApi, PathInfo } from "../mediamtx/control-api.ts";

export interface PathWatcherOptions {
  readonly api: Pick<ControlApi, "listPaths">;
  /** What stands on the media server now; called after every look that succeeded. */
  readonly onPaths: (paths: readonly PathInfo[]) => void;
  /** The media server did not answer: nothing is known, so nothing is to be concluded. */
  readonly onBlind: (problem: string) => void;
  /** Something runs that may fall silent at any moment. */
  readonly isWatchful?: () => boolean;
}

const everyMs = 2000;
/** A silent push is to be found within 1.5 s. */
const watchfulEveryMs = 500;
/** MediaMTX looks at the media for 2 s before a path stands; then each moment counts. */
const soonEveryMs = 100;
const soonForMs = 3500;

/**
 * Keeps looking at the media server's path list: every 2 s, every 500 ms while something may fall silent, and at once when something hints at news.
 * Hints that come during a look cause one more look after it, however many they are.
 */
export class PathWatcher {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #soonUntilMs = 0;

  constructor(readonly options: PathWatcherOptions) {}

  start(): void {
    void this.look();
  }

  /** Looks now; resolves when a look that began after this call has been told. */
  look(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#looking) {
      this.#again = true;
      return this.#looking;
    }
    clearTimeout(this.#timer);
    this.#looking = this.#lookUntilQuiet().finally(() => {
      this.#looking = undefined;
      if (!this.#closed) this.#lookLater();
    });
    return this.#looking;
  }

  /** Somebody has just been let in: looks more often for the next seconds, so that no hook is needed. */
  expectNews(): void {
    this.#soonUntilMs = performance.now() + soonForMs;
    if (this.#looking === undefined) this.#lookLater();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #lookLater(): void {
    clearTimeout(this.#timer);
    const usualMs = this.options.isWatchful?.() === true ? watchfulEveryMs : everyMs;
    const delayMs = performance.now() < this.#soonUntilMs ? soonEveryMs : usualMs;
    this.#timer = setTimeout(() => void this.look(), delayMs);
  }

  async #lookUntilQuiet(): Promise<void> {
    do {
      this.#again = false;
      try {
        const paths = await this.options.api.listPaths();
        if (!this.#closed) this.options.onPaths(paths);
      } catch (error) {
        if (!this.#closed) this.options.onBlind((error as Error).message);
      }
    } while (this.#again && !this.#closed);
  }
}
