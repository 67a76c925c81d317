import type { Hono } from "hono";
import { PortTakenError, reasonOf, type ListenAddress } from "../mediamtx/listen-address.ts";

/** Our HTTP listener. */
export interface HttpListener {
  readonly port: number;
  close(): Promise<void>;
}

/** Larger bodies are cut off before they are read; `app.ts` answers from its own, smaller limit. */
const mostBodyBytes = 1024 * 1024;
const idleSeconds = 30;

/**
 * Opens the listener of `serve`.
 * @throws {PortTakenError} naming `ORCH_HTTP_ADDR`
 */
export function listenHttp(address: ListenAddress, app: Hono): HttpListener {
  try {
    const server = Bun.serve({
      hostname: address.host === "" ? "0.0.0.0" : address.host,
      port: address.port,
      fetch: (request, listener) =>
        app.fetch(request, { clientIp: listener.requestIP(request)?.address }),
      idleTimeout: idleSeconds,
      maxRequestBodySize: mostBodyBytes,
    });
    return {
      port: server.port ?? address.port,
      close: () => server.stop(true),
    };
  } catch (error) {
    throw new PortTakenError("ORCH_HTTP_ADDR", address, reasonOf(error));
  }
}
