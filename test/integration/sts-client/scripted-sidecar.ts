import { Server as Engine } from "@socket.io/bun-engine";
import { Server, type Socket } from "socket.io";

/** One `fragment:data` as it came over the wire. */
export interface ReceivedFragment {
  readonly fragment_id: string;
  readonly stream_id: string;
  readonly sequence_number: number;
  readonly audio: {
    readonly format: string;
    readonly sample_rate_hz: number;
    readonly channels: number;
    readonly duration_ms: number;
    readonly data?: Uint8Array;
    readonly data_base64?: string;
    readonly speech?: boolean;
    readonly deadline_ms?: number;
  };
  readonly metadata: { readonly pts_ns: number };
}

export interface SidecarScript {
  /** Body of `GET /health`; default an echo server's. */
  readonly health?: Record<string, unknown> | { status: number };
  readonly path?: string;
  readonly token?: string;
  readonly maxInflight?: number;
  readonly extensions?: readonly string[];
  /** Answers `stream:init`; default `stream:ready`. */
  readonly onInit?: (socket: Socket, init: Record<string, never>, ready: () => void) => void;
  /** Answers a fragment; default an echo. */
  readonly onFragment?: (
    socket: Socket,
    fragment: ReceivedFragment,
    echo: (changes?: Record<string, unknown>) => void,
  ) => void;
  readonly onEnd?: (socket: Socket) => void;
}

/**
 * A real Socket.IO server that behaves as a test tells it to: it speaks the protocol over real sockets,
 * and is wrong exactly where the script says so.
 */
export class ScriptedSidecar implements AsyncDisposable {
  readonly inits: { init: Record<string, unknown>; headers: Headers | Record<string, unknown> }[] =
    [];
  readonly fragments: ReceivedFragment[] = [];
  readonly acks: { fragment_id: string; status: string }[] = [];
  readonly sockets = new Set<Socket>();
  #server: ReturnType<typeof Bun.serve>;
  #io: Server;
  #waiting: { done: () => boolean; resolve: () => void }[] = [];

  constructor(
    public script: SidecarScript = {},
    port = 0,
  ) {
    const path = script.path ?? "/socket.io/";
    const engine = new Engine({ path, maxHttpBufferSize: 52_428_800, pingInterval: 25_000 });
    this.#io = new Server();
    this.#io.bind(engine);
    this.#io.use((socket, next) => {
      if (script.token === undefined || socket.handshake.auth["token"] === script.token) next();
      else next(Object.assign(new Error("AUTH_FAILED"), { data: { code: "AUTH_FAILED" } }));
    });
    this.#io.on("connection", (socket) => this.#listen(socket));
    const handler = engine.handler();
    this.#server = Bun.serve({
      ...handler,
      hostname: "127.0.0.1",
      port,
      fetch: (request, server) => {
        const url = new URL(request.url);
        if (url.pathname !== "/health") return handler.fetch(request, server);
        const health = this.script.health ?? { status: "healthy", service: "echo-sts" };
        if (typeof health["status"] === "number")
          return Response.json({}, { status: health["status"] });
        return Response.json(health);
      },
    });
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves as soon as `condition` holds; looked at after every event. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => this.#waiting.push({ done: condition, resolve }));
  }

  /** Cuts every connection. */
  drop(): void {
    for (const socket of this.sockets) socket.disconnect(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    await this.#server.stop(true);
  }

  #changed(): void {
    this.#waiting = this.#waiting.filter(({ done, resolve }) => {
      if (!done()) return true;
      resolve();
      return false;
    });
  }

  #listen(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("disconnect", () => {
      this.sockets.delete(socket);
      this.#changed();
    });
    socket.on("stream:init", (init: Record<string, never>) => {
      this.inits.push({ init, headers: socket.handshake.headers });
      const ready = () =>
        socket.emit("stream:ready", {
          stream_id: init["stream_id"],
          session_id: crypto.randomUUID(),
          max_inflight: this.script.maxInflight ?? 3,
          capabilities: {
            batch_processing: false,
            async_delivery: true,
            ...(this.script.extensions === undefined ? {} : { extensions: this.script.extensions }),
          },
        });
      if (this.script.onInit) this.script.onInit(socket, init, ready);
      else ready();
      this.#changed();
    });
    socket.on("fragment:data", (fragment: ReceivedFragment) => {
      this.fragments.push(fragment);
      socket.emit("fragment:ack", { fragment_id: fragment.fragment_id, status: "queued" });
      const echo = (changes: Record<string, unknown> = {}) =>
        socket.emit("fragment:processed", { ...echoOf(fragment), ...changes });
      if (this.script.onFragment) this.script.onFragment(socket, fragment, echo);
      else echo();
      this.#changed();
    });
    socket.on("fragment:ack", (ack: { fragment_id: string; status: string }) => {
      this.acks.push(ack);
      this.#changed();
    });
    socket.on("stream:end", () => {
      if (this.script.onEnd) this.script.onEnd(socket);
      else socket.emit("stream:complete", { stream_id: "", total_fragments: 0 });
      this.#changed();
    });
  }
}

function echoOf(fragment: ReceivedFragment) {
  return {
    fragment_id: fragment.fragment_id,
    stream_id: fragment.stream_id,
    sequence_number: fragment.sequence_number,
    status: "success",
    dubbed_audio: fragment.audio,
    transcript: `[ECHO] Original audio (seq=${fragment.sequence_number})`,
    translated_text: `[ECHO] Audio original (seq=${fragment.sequence_number})`,
    processing_time_ms: 1,
    metadata: { asr_model: "echo-mock", translation_model: "echo-mock", tts_model: "echo-mock" },
  };
}
