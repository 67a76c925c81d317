import type { Clock } from "./clock.ts";
import { type EndpointSetting, type StsProtocol, parseEndpoint } from "./endpoint.ts";
import { HttpTransport } from "./http-transport.ts";
import type { SessionWish } from "./socket-session.ts";
import { SocketTransport } from "./socket-transport.ts";
import { StsClient, type StsClientOptions } from "./sts-client.ts";

export interface OpenClientOptions extends Omit<StsClientOptions, "transport" | "pacing"> {
  readonly endpoints: readonly EndpointSetting[];
  readonly protocol: StsProtocol;
  readonly wish: SessionWish;
  readonly clock: Clock;
  /** First reconnect delay; default 1000. */
  readonly firstReconnectMs?: number;
}

/**
 * A client for the given sidecars, not started yet. All of them are spoken to in one way, that of the first.
 *
 * @throws {TypeError} on a URL that is none
 */
export function openClient(options: OpenClientOptions): StsClient {
  const parsed = options.endpoints.map((endpoint) => parseEndpoint(endpoint, options.protocol));
  const protocol = parsed[0]?.protocol ?? options.protocol;
  const endpoints = parsed.filter((endpoint) => endpoint.protocol === protocol);
  const transportOptions = {
    endpoints,
    wish: options.wish,
    clock: options.clock,
    ...(options.firstReconnectMs === undefined
      ? {}
      : { firstReconnectMs: options.firstReconnectMs }),
  };
  const transport =
    protocol === "http"
      ? new HttpTransport(transportOptions)
      : new SocketTransport(transportOptions);
  return new StsClient({ ...options, transport, pacing: options.wish.pacing });
}
