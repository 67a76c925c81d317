import { connect, type Socket } from "node:net";
import {
  type FrameDecoder,
  encodeFrame,
  relayToWorkerDecoder,
} from "../protocol/relay-worker-codec.ts";
import type { RelayToWorker, WorkerLink, WorkerToRelay } from "../protocol/relay-worker.ts";

/** Bytes that may wait for a slow relay: some 20 s of dub. More is dropped, and `send` says so. */
const outgoingLimitBytes = 2 * 1024 * 1024;

/** The worker's end of the link to its relay over a Unix socket. */
export class RelayConnection implements WorkerLink {
  onMessage: (message: RelayToWorker) => void = () => {};
  onClose: (reason: string) => void = () => {};
  #decoder: FrameDecoder<RelayToWorker> = relayToWorkerDecoder();
  #closed = false;
  #room: (() => void)[] = [];

  private constructor(private readonly socket: Socket) {
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("drain", () => this.#wake());
    socket.on("error", (error) => this.#end(error.message));
    socket.on("close", () => this.#end("the relay has closed the connection"));
    // Nothing is read before the owner has set its handlers.
    socket.pause();
    queueMicrotask(() => socket.resume());
  }

  /** Connects to the relay that listens at `socketPath`. @throws when it does not */
  static connect(socketPath: string): Promise<RelayConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(socketPath);
      const failed = (error: Error) =>
        reject(new Error(`the relay does not listen: ${error.message}`, { cause: error }));
      socket.once("error", failed);
      socket.once("connect", () => {
        socket.off("error", failed);
        resolve(new RelayConnection(socket));
      });
    });
  }

  send(message: WorkerToRelay): boolean {
    if (this.#closed || this.socket.writableLength > outgoingLimitBytes) return false;
    this.socket.write(encodeFrame(message));
    return true;
  }

  ready(): Promise<void> {
    if (this.#closed || this.socket.writableLength <= outgoingLimitBytes) return Promise.resolve();
    return new Promise((resolve) => this.#room.push(resolve));
  }

  close(): void {
    this.#end("closed by us");
  }

  #receive(chunk: Uint8Array): void {
    try {
      for (const message of this.#decoder.push(chunk)) this.onMessage(message);
    } catch (error) {
      this.#end(error instanceof Error ? error.message : String(error));
    }
  }

  #wake(): void {
    for (const resolve of this.#room.splice(0)) resolve();
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake();
    this.socket.destroy();
    this.onClose(reason);
  }
}
