import { createHash, timingSafeEqual } from "node:crypto";
import type { PublishKeys } from "../config/edge.ts";
import { isLoopback } from "../config/edge-rules.ts";
import { parseStreamPath, type StreamPath } from "../mediamtx/stream-path.ts";
import type { AccessRequest } from "../protocol/hooks.ts";

/** What the rules ask the rest of the orchestrator; everything is answered from memory. */
export interface AccessFacts {
  readonly publishKeys: PublishKeys | undefined;
  /** The HLS listener is open to other machines: whoever set it so wants viewers there. */
  readonly hlsIsPublic: boolean;
  /** Uses up a nonce for one publish to an `out` path. */
  redeemPushNonce(nonce: string, path: string): boolean;
  /** True when this is the secret with which our relays read their inputs. */
  isReaderSecret(secret: string): boolean;
  /** True when this is the secret with which we call the media server's control API. */
  isControlSecret(secret: string): boolean;
}

/** May it, and if not, why: the reason goes to the log and, without secrets, to MediaMTX. */
export type AccessVerdict =
  | { readonly allow: true; readonly publish?: StreamPath }
  | { readonly allow: false; readonly code: string; readonly reason: string };

const deny = (code: string, reason: string): AccessVerdict => ({ allow: false, code, reason });

/**
 * Decides one question of MediaMTX by the rules of the appliance: `in` is published with a key and read
 * by our relay alone, `out` is published by our relays alone and read by viewers. The control API is ours
 * alone: it shows keys, and whoever may change the media server's configuration may have it run programs.
 */
export function judgeAccess(request: AccessRequest, facts: AccessFacts): AccessVerdict {
  if (request.action === "api") return judgeControl(request, facts);
  const path = parseStreamPath(request.path);
  if (path === undefined)
    return deny("UNKNOWN_PATH", "no such path: publish to live/<streamId>/in");
  const query = new URLSearchParams(request.query);
  if (request.action === "publish")
    return path.direction === "in"
      ? judgeIngest(request, path, query, facts)
      : judgePush(request, query, facts);
  if (request.action !== "read")
    return deny("UNKNOWN_ACTION", "only publishing and reading are served");
  return path.direction === "in"
    ? judgeInputRead(request, query, facts)
    : judgeViewer(request, path, query, facts);
}

function judgeControl(request: AccessRequest, facts: AccessFacts): AccessVerdict {
  if (isLocal(request) && facts.isControlSecret(request.token)) return { allow: true };
  return deny("API_IS_OURS", "the control API is used by livedub alone");
}

function judgeIngest(
  request: AccessRequest,
  path: StreamPath,
  query: URLSearchParams,
  facts: AccessFacts,
): AccessVerdict {
  if (facts.publishKeys === undefined) {
    if (isLocal(request)) return { allow: true, publish: path };
    return deny("KEYS_UNSET", "publishing from another machine needs LIVEDUB_PUBLISH_KEYS");
  }
  if (keyMatches(facts.publishKeys, path.streamId, query.get("key")))
    return { allow: true, publish: path };
  return query.has("key")
    ? deny("WRONG_KEY", `the publish key of stream ${path.streamId} is another one`)
    : deny("NO_KEY", "the publish key is missing: add ?key=… to the stream name");
}

function judgePush(
  request: AccessRequest,
  query: URLSearchParams,
  facts: AccessFacts,
): AccessVerdict {
  const nonce = query.get("nonce") ?? "";
  if (isLocal(request) && facts.redeemPushNonce(nonce, request.path)) return { allow: true };
  return deny("OUT_IS_OURS", "only livedub itself publishes to out; publish to live/<streamId>/in");
}

function judgeInputRead(
  request: AccessRequest,
  query: URLSearchParams,
  facts: AccessFacts,
): AccessVerdict {
  const secret = query.get("reader") ?? "";
  if (isLocal(request) && facts.isReaderSecret(secret)) return { allow: true };
  return deny("IN_IS_PRIVATE", "the input is read by livedub alone; watch live/<streamId>/out");
}

/** Viewers: this machine, whoever reaches an HLS listener that was opened, or the holder of the stream's key. */
function judgeViewer(
  request: AccessRequest,
  path: StreamPath,
  query: URLSearchParams,
  facts: AccessFacts,
): AccessVerdict {
  if (isLocal(request)) return { allow: true };
  if (request.protocol === "hls" && facts.hlsIsPublic) return { allow: true };
  if (facts.publishKeys && keyMatches(facts.publishKeys, path.streamId, query.get("key")))
    return { allow: true };
  return deny("NOT_FOR_VIEWERS", "reading out from another machine needs ?key=… or HLS");
}

/** MediaMTX may write an IPv4 client of its IPv6 socket as `::ffff:127.0.0.1`. */
function isLocal(request: AccessRequest): boolean {
  return isLoopback(request.ip.replace(/^::ffff:/i, ""));
}

/**
 * True when `key` is the stream's own, or the wildcard's where the stream has none of its own. Keys hold
 * 256 random bits, so one SHA-256 is enough to store them by; compared in constant time.
 */
export function keyMatches(keys: PublishKeys, streamId: string, key: string | null): boolean {
  const wanted = Object.hasOwn(keys, streamId) ? keys[streamId] : keys["*"];
  const given = createHash("sha256")
    .update(key ?? "")
    .digest();
  // Compared even where no key would do, so that the time says nothing about which streams have one.
  const same = timingSafeEqual(given, Buffer.from(wanted ?? "0".repeat(64), "hex"));
  return same && wanted !== undefined && key !== null;
}

/** Constant-time comparison of two secrets of any length. */
export function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
