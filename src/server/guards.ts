import type { MiddlewareHandler } from "hono";
import { isLoopback } from "../config/edge-rules.ts";
import { sameSecret } from "../orchestrator/access-rules.ts";

/**
 * Refuses requests whose `Host` is not one of ours: on loopback a web page of any site could otherwise
 * reach us under its own name (DNS rebinding). `names` are further host names that are ours.
 */
export function ownHostOnly(names: ReadonlySet<string>): MiddlewareHandler {
  return async (context, next) => {
    const host = hostName(context.req.header("host") ?? "");
    if (isLoopback(host) || names.has(host)) return next();
    return context.json({ detail: "this host name is not served here" }, 421);
  };
}

/**
 * Asks for the API token: `Authorization: Bearer …`, or as the password of Basic authentication, which
 * is what a browser can ask its user for. Without a token everything passes; then we listen on loopback only.
 */
export function tokenRequired(token: string | undefined): MiddlewareHandler {
  return async (context, next) => {
    if (token === undefined) return next();
    const given = tokenOf(context.req.header("authorization") ?? "");
    if (given !== undefined && sameSecret(given, token)) return next();
    context.header("WWW-Authenticate", 'Basic realm="livedub", charset="UTF-8"');
    return context.json({ detail: "LIVEDUB_API_TOKEN is needed as bearer token" }, 401);
  };
}

/**
 * Lets viewers to what belongs to a stream's `out`: whoever `mayWatch` says, and who has the API token.
 * Without a token everything passes; then we listen on loopback only.
 */
export function viewersOrToken(
  token: string | undefined,
  mayWatch: (streamId: string, key: string | undefined) => boolean,
): MiddlewareHandler {
  const needToken = tokenRequired(token);
  return async (context, next) =>
    mayWatch(context.req.param("id") ?? "", context.req.query("key"))
      ? next()
      : needToken(context, next);
}

/** Asks for the hook secret in `X-Livedub-Hook-Secret`, where one is configured. */
export function hookSecretRequired(secret: string | undefined): MiddlewareHandler {
  return async (context, next) => {
    if (secret === undefined) return next();
    if (sameSecret(context.req.header(hookSecretHeader) ?? "", secret)) return next();
    return context.json(
      { detail: "the hook secret (LIVEDUB_HOOK_SECRET) is missing or wrong" },
      401,
    );
  };
}

/** The header with which `livedub hook` shows the hook secret. */
const hookSecretHeader = "x-livedub-hook-secret";

/** What a browser is told about our pages: they load nothing from elsewhere and stand in no frame. */
export const securityHeaders: MiddlewareHandler = async (context, next) => {
  await next();
  context.header("X-Content-Type-Options", "nosniff");
  context.header("X-Frame-Options", "DENY");
  context.header("Referrer-Policy", "no-referrer");
  context.header("Cache-Control", "no-store");
  context.header(
    "Content-Security-Policy",
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
};

function tokenOf(authorization: string): string | undefined {
  const [scheme = "", value = ""] = authorization.split(" ", 2);
  if (scheme.toLowerCase() === "bearer") return value;
  if (scheme.toLowerCase() !== "basic") return undefined;
  const decoded = Buffer.from(value, "base64").toString("utf8");
  return decoded.slice(decoded.indexOf(":") + 1);
}

/** The name in a `Host` header, without port and brackets. */
function hostName(host: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host.toLowerCase());
  return match?.[1] ?? match?.[2] ?? "";
}
