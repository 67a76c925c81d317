import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";
import type { ClientToServerEvents, ServerToClientEvents } from "../../src/protocol/sts-events.ts";
import { StsConnection, type StsSocket } from "./connection.ts";
import type { Sidecar } from "./sidecar.ts";

/** Where Socket.IO is served: the library's own path, and the one of the protocol's text. */
export const socketPaths: ReadonlySet<string> = new Set([
  "/socket.io",
  "/socket.io/",
  "/ws/sts",
  "/ws/sts/",
]);

const upgradeTimeoutMs = 10_000;
/** A transport that never asks for the namespace is closed. */
const connectTimeoutMs = 20_000;

type BunServer = Bun.Server<never>;

/** The Socket.IO side of the sidecar: transports, who is let in, and one {@link StsConnection} a socket. */
export class SocketPlane {
  readonly #engine: Engine;
  readonly #io: Server<ClientToServerEvents, ServerToClientEvents>;
  readonly #connections = new Map<string, StsConnection>();

  constructor(private readonly sidecar: Sidecar) {
    const { config } = sidecar;
    this.#engine = new Engine({
      path: "/socket.io/",
      pingInterval: Math.round(config.pingIntervalS * 1000),
      pingTimeout: Math.round(config.pingTimeoutS * 1000),
      upgradeTimeout: upgradeTimeoutMs,
      maxHttpBufferSize: config.maxMessageBytes,
    });
    this.#io = new Server({ serveClient: false, connectTimeout: connectTimeoutMs });
    this.#io.bind(this.#engine);
    this.#io.use((socket, next) => next(this.#refusal(socket)));
    this.#io.on("connection", (socket) => this.#connected(socket));
  }

  /** Everything Bun needs to serve the WebSocket transport. */
  get websocket() {
    const handler = this.#engine.handler().websocket;
    return {
      ...handler,
      perMessageDeflate: false,
      idleTimeout: 0, // the protocol's own pings decide
      // Bun's default drops messages silently once 16 MiB wait for a slow client
      backpressureLimit: 2 * this.sidecar.config.maxMessageBytes,
      closeOnBackpressureLimit: true,
    };
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Answers a request on one of {@link socketPaths}. */
  async handle(request: Request, server: BunServer): Promise<Response | undefined> {
    const cors = corsHeaders(request);
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: cors });
    const response = await this.#engine.handleRequest(request, server);
    for (const [name, value] of Object.entries(cors)) response.headers.set(name, value);
    return response;
  }

  /** Ends every connection; clients see `io server disconnect`. */
  close(): void {
    for (const connection of this.#connections.values()) connection.disconnect();
    this.#io.disconnectSockets(true);
    this.#engine.close();
  }

  #refusal(socket: StsSocket): Error | undefined {
    const { access, config, metrics } = this.sidecar;
    const { auth, headers } = socket.handshake;
    const allowed = access.allows({
      token: (auth as { token?: unknown } | undefined)?.token,
      authorization: headers.authorization,
      apiKey: single(headers["x-api-key"]),
    });
    const full = config.maxConnections > 0 && this.#connections.size >= config.maxConnections;
    if (allowed && !full) return undefined;
    metrics.connectionRefused();
    const code = allowed ? "RATE_LIMIT" : "AUTH_FAILED";
    return Object.assign(new Error(code), { data: { code, retryable: allowed } });
  }

  #connected(socket: StsSocket): void {
    let heardAtMs = performance.now();
    socket.conn.on("packet", () => (heardAtMs = performance.now()));
    const connection = new StsConnection(this.sidecar, socket, () => heardAtMs);
    this.#connections.set(socket.id, connection);
    this.sidecar.metrics.connectionOpened();
    socket.once("disconnect", () => {
      this.#connections.delete(socket.id);
      this.sidecar.metrics.connectionClosed();
    });
  }
}

/** Any origin, with credentials: browsers want its name back, not `*`. */
function corsHeaders(request: Request): Record<string, string> {
  const origin = request.headers.get("origin");
  if (origin === null) return {};
  const asked = request.headers.get("access-control-request-headers");
  return {
    "access-control-allow-origin": origin,
    "access-control-allow-credentials": "true",
    vary: "Origin",
    ...(request.method === "OPTIONS" && {
      "access-control-allow-methods": "GET, POST, OPTIONS",
      ...(asked !== null && { "access-control-allow-headers": asked }),
    }),
  };
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
