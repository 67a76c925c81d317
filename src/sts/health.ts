import { stsHealthSchema, type StsHealth } from "../protocol/sts-http.ts";
import { type StsEndpoint, httpAddress } from "./endpoint.ts";

/** What `GET /health` of a sidecar tells; `unknown` when it has no such page (a foreign server may not). */
export type HealthReading =
  | { readonly kind: "ready"; readonly health: StsHealth; readonly engine: string | undefined }
  | { readonly kind: "starting"; readonly detail: string }
  | { readonly kind: "unknown"; readonly detail: string }
  | { readonly kind: "unreachable"; readonly detail: string };

/**
 * Reads a sidecar's health; never rejects.
 * @param signal ends the request early
 */
export async function readHealth(
  endpoint: StsEndpoint,
  timeoutMs = 5000,
  signal?: AbortSignal,
): Promise<HealthReading> {
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(httpAddress(endpoint, "health"), {
      headers: authorization(endpoint),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    const body = stsHealthSchema.safeParse(await response.json().catch(() => undefined));
    if (response.status === 503)
      return { kind: "starting", detail: body.data?.detail ?? "its models are still loading" };
    if (!response.ok || !body.success)
      return { kind: "unknown", detail: `/health answers ${response.status}` };
    return { kind: "ready", health: body.data, engine: engineOf(body.data) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { kind: "unreachable", detail: limit.aborted ? `no answer in ${timeoutMs} ms` : detail };
  }
}

/** The header that carries the key, when there is one. */
export function authorization(endpoint: StsEndpoint): Record<string, string> {
  return endpoint.key === undefined ? {} : { authorization: `Bearer ${endpoint.key}` };
}

/** Echo servers name themselves in different places. */
function engineOf(health: StsHealth): string | undefined {
  if (health.mode === "echo" || /echo/i.test(health.service ?? "")) return "echo";
  return health.engine ?? health.mode;
}

/** The language of a tag without its region: `pt` of `pt-BR`. */
function primary(tag: string): string {
  return tag.toLowerCase().split("-")[0] ?? tag;
}

/**
 * Says why a sidecar cannot serve a pair of languages; undefined when it can, or does not say.
 * The message names the pairs that it serves and the remedy.
 */
export function unsupportedPair(
  health: StsHealth,
  source: string,
  target: string,
): string | undefined {
  const pairs = health.pairs;
  if (pairs === undefined || engineOf(health) === "echo") return undefined;
  const served = pairs.some(
    ([from, to]) => primary(from) === primary(source) && primary(to) === primary(target),
  );
  if (served) return undefined;
  const list = pairs.map(([from, to]) => `${from}→${to}`).join(", ") || "no pair";
  return (
    `the sidecar does not dub ${source}→${target}; it serves ${list}. ` +
    "Choose one of these, or give the sidecar DEEPL_API_KEY or weights for the pair"
  );
}
