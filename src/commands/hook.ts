import { defineCommand } from "citty";

const events = ["ready", "not-ready"] as const;
/** MediaMTX's and upstream's limit alike: a hook that takes longer tells nobody anything. */
const timeoutMs = 5000;

/** Hidden: what MediaMTX runs when a path becomes available or goes; tells `serve` about it (contract 1.3). */
export const hookCommand = defineCommand({
  meta: {
    name: "hook",
    description: "Tell livedub serve that a path became ready or not-ready",
    hidden: true,
  },
  args: {
    event: { type: "positional", required: false, description: "ready or not-ready" },
  },
  async run({ args }) {
    const problem = await sendHook(args.event, process.env);
    if (problem !== undefined) process.stderr.write(`livedub hook: ${problem}\n`);
    process.exit(problem === undefined ? 0 : 1);
  },
});

/**
 * Sends one hook to `ORCHESTRATOR_URL`, from the variables that MediaMTX sets.
 * @returns what went wrong, in words; undefined after a 2xx answer
 */
async function sendHook(
  event: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const known = events.find((one) => one === event);
  if (known === undefined) return `the event must be ready or not-ready, not ${event ?? "nothing"}`;
  const path = environment["MTX_PATH"];
  const sourceType = environment["MTX_SOURCE_TYPE"];
  const sourceId = environment["MTX_SOURCE_ID"];
  const base = environment["ORCHESTRATOR_URL"]?.replace(/\/$/, "");
  if (!path) return "MTX_PATH is not set: MediaMTX runs this, not a person";
  if (!sourceType) return "MTX_SOURCE_TYPE is not set";
  if (!sourceId) return "MTX_SOURCE_ID is not set";
  if (!base) return "ORCHESTRATOR_URL is not set";
  const query = rawQuery(environment["MTX_QUERY"] ?? "");
  const secret = environment["LIVEDUB_HOOK_SECRET"];
  try {
    const response = await fetch(`${base}/v1/mediamtx/events/${known}`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "User-Agent": "MediaMTX-Hook/1.0",
        ...(secret ? { "X-Livedub-Hook-Secret": secret } : {}),
      },
      body: JSON.stringify({ path, sourceType, sourceId, ...(query === "" ? {} : { query }) }),
      signal: AbortSignal.timeout(timeoutMs),
      redirect: "error",
    });
    return response.ok ? undefined : `the answer was ${response.status}`;
  } catch (error) {
    return `${base} did not answer: ${(error as Error).message}`;
  }
}

/** Names of query values that nobody but MediaMTX's authorisation needs. */
const secretNames = new Set(["key", "user", "pass", "token", "jwt", "reader", "nonce"]);

/**
 * The publish URL's query without its secrets. MediaMTX from 1.19 on encodes the whole query once more
 * (`lang%3Des%26voice%3Dx`); a query that still has its `=` is taken as it is.
 */
function rawQuery(query: string): string {
  let plain = query;
  if (!query.includes("=") && query.includes("%")) {
    try {
      plain = decodeURIComponent(query.replaceAll("+", " "));
    } catch {
      plain = query; // not encoded after all
    }
  }
  return plain
    .split("&")
    .filter((pair) => pair !== "" && !secretNames.has(pair.split("=", 1)[0] ?? ""))
    .join("&");
}
