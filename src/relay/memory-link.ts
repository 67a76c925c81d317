import type {
  Link,
  RelayLink,
  RelayToWorker,
  WorkerLink,
  WorkerToRelay,
} from "../protocol/relay-worker.ts";

/** Messages that wait for the other side; beyond this `send` refuses until it has caught up. */
const queueLimit = 256;

/**
 * A relay and its worker in one process (pacing `file`): two joined ends, messages delivered in order
 * and asynchronously, as over a socket. Each direction holds at most {@link queueLimit} messages.
 */
export function createMemoryLink(): { relay: RelayLink; worker: WorkerLink } {
  const relay = new MemoryEnd<RelayToWorker, WorkerToRelay>();
  const worker = new MemoryEnd<WorkerToRelay, RelayToWorker>();
  relay.join(worker);
  worker.join(relay);
  return { relay, worker };
}

class MemoryEnd<Outgoing, Incoming> implements Link<Outgoing, Incoming> {
  onMessage: (message: Incoming) => void = () => {};
  onClose: (reason: string) => void = () => {};
  #peer: MemoryEnd<Incoming, Outgoing> | undefined;
  #queue: Outgoing[] = [];
  #delivering = false;
  #closed = false;
  #waiting: (() => void)[] = [];

  join(peer: MemoryEnd<Incoming, Outgoing>): void {
    this.#peer = peer;
  }

  send(message: Outgoing): boolean {
    if (this.#closed || this.#queue.length >= queueLimit) return false;
    this.#queue.push(message);
    if (!this.#delivering) {
      this.#delivering = true;
      setImmediate(() => this.#deliver());
    }
    return true;
  }

  ready(): Promise<void> {
    if (this.#closed || this.#queue.length < queueLimit) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    this.#end("closed by us");
    if (this.#peer !== undefined) this.#peer.#end("closed by the other side");
  }

  #end(reason: string): void {
    if (this.#closed) return;
    // What was sent before the close still arrives, as on a socket.
    if (this.#queue.length > 0) this.#deliver();
    this.#closed = true;
    this.#release();
    this.onClose(reason);
  }

  #deliver(): void {
    this.#delivering = false;
    const batch = this.#queue;
    this.#queue = [];
    for (const message of batch) this.#peer?.onMessage(message);
    this.#release();
  }

  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
