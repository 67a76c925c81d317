import { httpApp } from "./http-app.ts";
import type { Sidecar } from "./sidecar.ts";
import { SocketPlane, socketPaths } from "./socket-plane.ts";

/** Bun's largest: a long poll is answered by a ping long before. */
const idleTimeoutSeconds = 255;
const portTaken = "EADDRINUSE";

/** A listener that could not be opened, with the remedy. */
class ListenError extends Error {
  override readonly name = "ListenError";
}

/** The sidecar's listeners: Socket.IO and HTTP on one port, and the metrics on a second one if asked. */
export class SidecarServer {
  readonly #sockets: SocketPlane;
  #main: Bun.Server<undefined> | undefined;
  #metrics: Bun.Server<undefined> | undefined;

  constructor(private readonly sidecar: Sidecar) {
    this.#sockets = new SocketPlane(sidecar);
  }

  /** The port of the main listener; 0 before {@link listen}. */
  get port(): number {
    return this.#main?.port ?? 0;
  }

  get url(): string {
    return this.#main?.url.href ?? "";
  }

  get connections(): number {
    return this.#sockets.connections;
  }

  /** @throws {ListenError} when a port is taken or the address is not ours */
  listen(): void {
    const { config } = this.sidecar;
    const app = httpApp(this.sidecar);
    this.#main = open(config.host, config.port, "STS_PORT", {
      fetch: (request, server) =>
        socketPaths.has(new URL(request.url).pathname)
          ? this.#sockets.handle(request, server)
          : app.fetch(request),
      websocket: this.#sockets.websocket,
      maxRequestBodySize: config.maxMessageBytes,
    });
    if (config.metricsPort === undefined || config.metricsPort === this.#main.port) return;
    this.#metrics = open(config.host, config.metricsPort, "METRICS_PORT", {
      fetch: (request) =>
        new URL(request.url).pathname === "/metrics"
          ? app.fetch(request)
          : Response.json({ error: "Not Found" }, { status: 404 }),
    });
  }

  /** Ends every connection and frees the ports. */
  async close(): Promise<void> {
    this.#sockets.close();
    await Promise.all([this.#main?.stop(true), this.#metrics?.stop(true)]);
  }
}

interface Handlers {
  readonly fetch: (
    request: Request,
    server: Bun.Server<undefined>,
  ) => Response | Promise<Response | undefined>;
  readonly websocket?: SocketPlane["websocket"];
  readonly maxRequestBodySize?: number;
}

function open(
  hostname: string,
  port: number,
  variable: string,
  handlers: Handlers,
): Bun.Server<undefined> {
  try {
    return Bun.serve({ hostname, port, idleTimeout: idleTimeoutSeconds, ...handlers } as never);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    throw new ListenError(
      code === portTaken
        ? `${hostname}:${port} is taken by another program; set ${variable} to a free port`
        : `${hostname}:${port} cannot be listened on: ${message}`,
    );
  }
}
