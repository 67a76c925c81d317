import type { PcmMessage } from "../protocol/relay-worker.ts";

/** What the worker takes from its queue, in order. */
export type QueueItem = PcmMessage | { readonly type: "end"; readonly atSample: number };

/** Live: PCM that waits for the ear, at most; older than this it would come too late anyway. */
const liveLimitBytes = 10 * 48_000 * 4;

/**
 * PCM between the link and the ear. Live it is bounded: the newest blocks are dropped and counted, which
 * the ear sees as a hole. With pacing `file` nothing is dropped; the relay paces itself by what is settled.
 */
export class PcmQueue implements AsyncIterable<QueueItem> {
  #items: QueueItem[] = [];
  #bytes = 0;
  #limitBytes = liveLimitBytes;
  #closed = false;
  #dropped = 0;
  #wake: () => void = () => {};

  /** Blocks dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  bound(live: boolean): void {
    this.#limitBytes = live ? liveLimitBytes : Number.POSITIVE_INFINITY;
  }

  push(message: PcmMessage): void {
    if (this.#closed) return;
    if (this.#bytes + message.pcm.length > this.#limitBytes) {
      this.#dropped += 1;
      return;
    }
    this.#bytes += message.pcm.length;
    this.#items.push(message);
    this.#wake();
  }

  /** No more PCM comes. */
  end(atSample: number): void {
    this.#items.push({ type: "end", atSample });
    this.#wake();
  }

  /** Ends the iteration; what waits is dropped. */
  close(): void {
    this.#closed = true;
    this.#items = [];
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<QueueItem> {
    while (!this.#closed) {
      const item = this.#items.shift();
      if (item === undefined) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      if (item.type === "pcm") this.#bytes -= item.pcm.length;
      yield item;
      if (item.type === "end") return;
    }
  }
}
