import { defineCommand } from "citty";
import { z } from "zod";
import { loadEdgeConfig } from "../config/edge-config.ts";
import { ConfigError } from "../config/setting.ts";
import { formatAddress, reachableFromHere } from "../mediamtx/listen-address.ts";

/** What this command shows of the API's answer; everything else in it is left alone. */
const answerSchema = z.object({
  streams: z.array(
    z.object({
      streamId: z.string(),
      state: z.string(),
      sourceLanguage: z.string(),
      targetLanguage: z.string(),
      playoutDelayMs: z.number(),
      watch: z.object({ rtmp: z.string(), hls: z.string() }),
      relay: z.object({
        status: z.object({ playing: z.string(), avDeltaMs: z.number().nullable() }).nullish(),
      }),
    }),
  ),
  refusals: z.array(z.object({ streamId: z.string(), code: z.string(), message: z.string() })),
});

/** Lists the streams of a running `serve`. */
export const streamsCommand = defineCommand({
  meta: { name: "streams", description: "List the streams of a running livedub serve" },
  args: {
    url: { type: "string", description: "Address of livedub serve (default: ORCH_HTTP_ADDR)" },
    json: { type: "boolean", description: "Print the API's whole answer" },
  },
  async run({ args }) {
    try {
      process.stdout.write(await listStreams(args.url, args.json === true));
    } catch (error) {
      const known = error instanceof ConfigError || error instanceof StreamsError;
      process.stderr.write(`livedub streams: ${known ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  },
});

class StreamsError extends Error {}

async function listStreams(url: string | undefined, json: boolean): Promise<string> {
  const { values } = loadEdgeConfig(process.env);
  const base = url ?? `http://${formatAddress(reachableFromHere(values.httpAddress))}`;
  let response: Response;
  try {
    response = await fetch(`${base.replace(/\/$/, "")}/api/streams`, {
      headers: values.apiToken ? { Authorization: `Bearer ${values.apiToken}` } : {},
      signal: AbortSignal.timeout(5000),
    });
  } catch (error) {
    throw new StreamsError(`no livedub serve answers at ${base} (${(error as Error).message})`);
  }
  if (response.status === 401) throw new StreamsError("LIVEDUB_API_TOKEN is missing or wrong");
  if (!response.ok) throw new StreamsError(`${base} answered ${response.status}`);
  const body: unknown = await response.json();
  if (json) return `${JSON.stringify(body, null, 2)}\n`;
  const parsed = answerSchema.safeParse(body);
  if (!parsed.success) throw new StreamsError(`${base} is no livedub serve of this version`);
  const { streams, refusals } = parsed.data;
  const lines = streams.map((stream) => {
    const { playing = "–", avDeltaMs = null } = stream.relay.status ?? {};
    const sync = avDeltaMs === null ? "" : `  A/V ${avDeltaMs.toFixed(0)} ms`;
    return (
      `${stream.streamId}  ${stream.state}  ${stream.sourceLanguage}→${stream.targetLanguage}` +
      `  delay ${stream.playoutDelayMs} ms  plays ${playing}${sync}  ${stream.watch.rtmp}`
    );
  });
  const refused = refusals.map((one) => `${one.streamId}  refused (${one.code})  ${one.message}`);
  const all = [...lines, ...refused];
  return all.length === 0 ? "no streams\n" : `${all.join("\n")}\n`;
}
