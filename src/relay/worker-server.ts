import { mkdirSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import type { RelayHello, RelayToWorker, WorkerToRelay } from "../protocol/relay-worker.ts";
import {
  encodeFrame,
  RelayWorkerCodecError,
  workerToRelayDecoder,
} from "../protocol/relay-worker-codec.ts";

const heartbeatMs = 500;
/** A worker that says nothing for this long hangs. */
const silentMs = 1500;
/** Bytes that may wait for the worker: about 20 s of PCM. Beyond, messages are dropped and counted. */
const maxWaitingBytes = 4 * 1024 * 1024;
/** Linux allows 107 bytes of path in a Unix socket's address. */
const maxSocketPathBytes = 107;

export interface WorkerServerHandlers {
  onConnected(workerId: string): void;
  onMessage(message: WorkerToRelay): void;
  /** The worker is gone or hangs; `reason` says which. The relay goes on without it. */
  onGone(reason: string): void;
}

/** One connection on its way from accepted to greeted. */
interface Peer {
  readonly socket: Socket;
  heardAtMs: number;
  greeted: boolean;
}

/**
 * The relay's side of its Unix socket: one worker at a time, a new one (once it has said hello) takes the
 * place of the old. Sending never blocks: what a worker does not take in time is dropped and counted.
 */
export class WorkerServer {
  readonly counters = { droppedMessages: 0, droppedPcmSamples: 0, workers: 0, badMessages: 0 };
  #server: Server | undefined;
  #peers = new Set<Peer>();
  #worker: Peer | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #beatAtMs = 0;

  constructor(
    private readonly socketPath: string,
    private readonly hello: RelayHello,
    private readonly handlers: WorkerServerHandlers,
  ) {}

  get isConnected(): boolean {
    return this.#worker !== undefined;
  }

  /**
   * Opens the socket with mode 0600; a stale file in its place is removed.
   * @throws {Error} when the path is too long for a socket or cannot be written
   */
  async listen(): Promise<void> {
    const bytes = Buffer.byteLength(this.socketPath);
    if (bytes > maxSocketPathBytes) {
      throw new Error(
        `the relay's socket path has ${bytes} bytes, at most ${maxSocketPathBytes}: choose a shorter state directory (${this.socketPath})`,
      );
    }
    mkdirSync(dirname(this.socketPath), { recursive: true, mode: 0o700 });
    rmSync(this.socketPath, { force: true });
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    const umask = process.umask(0o177); // so that no one else can connect even for a moment
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(this.socketPath, resolve);
      });
    } finally {
      process.umask(umask);
    }
    this.#timer = setInterval(() => this.#beat(), heartbeatMs);
  }

  /** Sends to the worker; false when there is none or it does not keep up (the message is dropped). */
  send(message: RelayToWorker): boolean {
    const worker = this.#worker;
    if (worker === undefined) return false;
    if (worker.socket.writableLength > maxWaitingBytes) {
      this.counters.droppedMessages += 1;
      if (message.type === "pcm") this.counters.droppedPcmSamples += message.pcm.length / 4;
      return false;
    }
    worker.socket.write(encodeFrame(message));
    return true;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const worker = this.#worker;
    this.#worker = undefined;
    for (const peer of this.#peers) {
      if (peer === worker) peer.socket.end();
      else peer.socket.destroy();
    }
    const server = this.#server;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await Promise.race([closed, Bun.sleep(300)]);
    for (const peer of this.#peers) peer.socket.destroy();
    rmSync(this.socketPath, { force: true });
  }

  #accept(socket: Socket): void {
    const peer: Peer = { socket, heardAtMs: performance.now(), greeted: false };
    const decoder = workerToRelayDecoder();
    this.#peers.add(peer);
    socket.on("error", () => {}); // the close that follows tells
    socket.on("close", () => {
      this.#peers.delete(peer);
      this.#lose(peer, "closed its connection");
    });
    socket.on("data", (chunk: Uint8Array) => {
      peer.heardAtMs = performance.now();
      try {
        for (const message of decoder.push(chunk)) this.#receive(peer, message);
      } catch (error) {
        if (!(error instanceof RelayWorkerCodecError)) throw error;
        this.counters.badMessages += 1;
        this.#lose(peer, `broke the protocol: ${error.message}`);
        socket.destroy();
      }
    });
    socket.write(encodeFrame(this.hello));
  }

  #receive(peer: Peer, message: WorkerToRelay): void {
    if (peer.greeted) {
      if (peer === this.#worker && message.type !== "heartbeat") this.handlers.onMessage(message);
      return;
    }
    if (message.type !== "hello") throw new RelayWorkerCodecError(`${message.type} before hello`);
    peer.greeted = true;
    const former = this.#worker;
    if (former !== undefined) {
      this.#lose(former, "was replaced by another");
      former.socket.destroy();
    }
    this.#worker = peer;
    this.counters.workers += 1;
    this.handlers.onConnected(message.workerId);
  }

  #beat(): void {
    this.send({ type: "heartbeat" });
    const now = performance.now();
    const weStoodStill = now - this.#beatAtMs > silentMs / 2;
    this.#beatAtMs = now;
    if (weStoodStill) return; // what the worker said meanwhile has not been read yet
    for (const peer of this.#peers) {
      if (now - peer.heardAtMs < silentMs) continue;
      this.#lose(peer, `hangs: nothing heard for ${Math.round(now - peer.heardAtMs)} ms`);
      peer.socket.destroy();
    }
  }

  #lose(peer: Peer, reason: string): void {
    if (peer !== this.#worker) return;
    this.#worker = undefined;
    this.handlers.onGone(reason);
  }
}
