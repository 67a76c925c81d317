import type {
  AudioMessage,
  RegionMessage,
  RelayToWorker,
  WorkerLink,
  WorkerToRelay,
} from "../../../src/protocol/relay-worker.ts";

/** A worker's link that keeps what was sent; `room` false refuses messages until there is room again. */
export class RecordingLink implements WorkerLink {
  readonly sent: WorkerToRelay[] = [];
  onMessage: (message: RelayToWorker) => void = () => {};
  onClose: (reason: string) => void = () => {};
  /** Resolves when the worker closes its end. */
  readonly ended: Promise<void>;
  #end: () => void = () => {};
  #room = true;
  #waiting: (() => void)[] = [];
  #watching: { done: () => boolean; resolve: () => void }[] = [];

  constructor() {
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  set room(room: boolean) {
    this.#room = room;
    if (room) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  send(message: WorkerToRelay): boolean {
    if (!this.#room) return false;
    this.sent.push(message);
    for (const watcher of this.#watching) if (watcher.done()) watcher.resolve();
    return true;
  }

  ready(): Promise<void> {
    if (this.#room) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    this.#end();
  }

  get audio(): AudioMessage[] {
    return this.sent.filter((message) => message.type === "audio");
  }

  get regions(): RegionMessage[] {
    return this.sent.filter((message) => message.type === "region");
  }

  /** Resolves when what was sent satisfies the condition. */
  until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => this.#watching.push({ done, resolve }));
  }
}
