import { redactUrl } from "../telemetry/redact.ts";
import { stsHttpPaths } from "../protocol/sts-http.ts";

/** A sidecar as a user names it. */
export interface EndpointSetting {
  readonly url: string;
  readonly key?: string | undefined;
}

/** How a sidecar is spoken to. */
export type StsProtocol = "ws" | "http";

/** A sidecar, its URL taken apart. */
export interface StsEndpoint {
  readonly protocol: StsProtocol;
  /** `http(s)://host:port`, with whatever path stands in front of the contract's own paths. */
  readonly base: string;
  /** Path of the Socket.IO handshake, with both slashes. */
  readonly socketPath: string;
  readonly key: string | undefined;
  /** Fit to be shown and logged. */
  readonly shown: string;
}

const socketPathMark = "/ws/sts";
const httpPathMark = "/api/v1/sts";

/**
 * Takes a sidecar's URL apart: `/ws/sts` in its path is the Socket.IO path, `/api/v1/sts` selects the
 * HTTP contract, anything else is a Socket.IO server at the default path.
 *
 * @param protocol what the settings ask for; the URL's own path wins
 * @throws {TypeError} when it is no http, https, ws or wss URL; the user is at fault
 */
export function parseEndpoint(setting: EndpointSetting, protocol: StsProtocol): StsEndpoint {
  const url = URL.canParse(setting.url) ? new URL(setting.url) : undefined;
  const scheme = url && { "http:": "http", "ws:": "http", "https:": "https", "wss:": "https" };
  const mapped = scheme?.[url?.protocol as keyof typeof scheme];
  if (url === undefined || mapped === undefined)
    throw new TypeError(
      `sidecar URL ${redactUrl(setting.url)}: it must start with http://, https://, ws:// or wss://`,
    );
  const path = url.pathname.replace(/\/+$/, "");
  const shared = {
    key: setting.key,
    shown: redactUrl(setting.url),
  };
  const origin = `${mapped}://${url.host}`;
  const httpAt = path.indexOf(httpPathMark);
  if (httpAt >= 0)
    return {
      ...shared,
      protocol: "http",
      base: origin + path.slice(0, httpAt),
      socketPath: "/socket.io/",
    };
  const socketAt = path.indexOf(socketPathMark);
  if (socketAt >= 0)
    return {
      ...shared,
      protocol: "ws",
      base: origin + path.slice(0, socketAt),
      socketPath: `${path.slice(0, socketAt)}${socketPathMark}/`,
    };
  return { ...shared, protocol, base: origin + path, socketPath: "/socket.io/" };
}

/** Address of one of the sidecar's HTTP paths. */
export function httpAddress(endpoint: StsEndpoint, path: keyof typeof stsHttpPaths): string {
  return endpoint.base + stsHttpPaths[path];
}
