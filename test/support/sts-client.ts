import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";

/** One event as it came. */
export interface Received {
  readonly event: string;
  // Events are read as a foreign client would read them: as plain JSON.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly message: any;
  readonly atMs: number;
}

export type ClientOptions = Partial<ManagerOptions & SocketOptions>;

const patienceMs = 8000;

/** A Socket.IO client as other projects would use it: the library itself, and everything it received. */
export class StsClient implements Disposable {
  readonly received: Received[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(readonly socket: Socket) {
    socket.onAny((event: string, message: unknown) => {
      this.received.push({ event, message, atMs: performance.now() });
      for (const check of this.#waiting) check();
    });
    socket.on("disconnect", (reason) => {
      this.received.push({ event: "disconnect", message: reason, atMs: performance.now() });
      for (const check of this.#waiting) check();
    });
  }

  /** Connects; rejects with what the server said. */
  static connect(url: string, options: ClientOptions = {}): Promise<StsClient> {
    const socket = io(url, {
      transports: ["websocket"],
      forceNew: true,
      reconnection: false,
      ...options,
    });
    const client = new StsClient(socket);
    return new Promise((resolve, reject) => {
      socket.on("connect", () => resolve(client));
      socket.on("connect_error", (error) => {
        socket.disconnect();
        reject(error);
      });
    });
  }

  /** Connects and begins a stream. */
  static async begin(
    url: string,
    init: Record<string, unknown> = {},
    options: ClientOptions = {},
  ): Promise<StsClient> {
    const client = await StsClient.connect(url, options);
    await client.init(init);
    return client;
  }

  /** Sends `stream:init` and waits for `stream:ready`. */
  async init(init: Record<string, unknown> = {}) {
    const from = this.received.length;
    this.send("stream:init", { stream_id: "match", worker_id: "w1", config: {}, ...init });
    return this.next("stream:ready", () => true, from);
  }

  send(event: string, ...payload: unknown[]): void {
    this.socket.emit(event, ...payload);
  }

  /** Sends a fragment; a second of 16 kHz mono silence unless told otherwise. */
  fragment(sequence: number, changes: Record<string, unknown> = {}): void {
    this.send("fragment:data", fragmentMessage(sequence, changes));
  }

  /** The first event of this name (and that fits), received from index `from` on; waits for it. */
  next(
    event: string,
    // oxlint-disable-next-line typescript/no-explicit-any
    fits: (message: any) => boolean = () => true,
    from = 0,
    withinMs = patienceMs,
    // oxlint-disable-next-line typescript/no-explicit-any
  ): Promise<any> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = this.received
          .slice(from)
          .find((one) => one.event === event && fits(one.message));
        if (found === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(found.message);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        const seen = this.received.map((one) => one.event).join(", ");
        reject(new Error(`no ${event} within ${withinMs} ms; received: ${seen}`));
      }, withinMs);
      this.#waiting.add(check);
      check();
    });
  }

  /** Waits until so many events of this name have come, and gives them all. */
  async count(event: string, count: number, withinMs = patienceMs) {
    while (this.all(event).length < count) {
      const from = this.received.length;
      if (this.all(event).length < count) await this.next(event, () => true, from, withinMs);
    }
    return this.all(event);
  }

  /** Every message of this event so far. */
  all(event: string) {
    return this.received.filter((one) => one.event === event).map((one) => one.message);
  }

  [Symbol.dispose](): void {
    this.socket.disconnect();
  }
}

/** `fragment:data` with a second of 16 kHz mono, each sample telling its fragment. */
export function fragmentMessage(sequence: number, changes: Record<string, unknown> = {}) {
  const { audio, ...rest } = changes;
  return {
    fragment_id: `fragment-${sequence}`,
    stream_id: "match",
    sequence_number: sequence,
    timestamp: Date.now(),
    ...rest,
    audio: {
      format: "pcm_s16le",
      sample_rate_hz: 16_000,
      channels: 1,
      duration_ms: 1000,
      data_base64: pcm(sequence).toString("base64"),
      ...(audio as Record<string, unknown> | undefined),
    },
  };
}

/** A second of 16 kHz mono that differs for every number. */
export function pcm(seed: number): Buffer {
  return Buffer.from(Int16Array.from({ length: 16_000 }, (_, i) => (i * (seed + 1)) % 3000).buffer);
}
