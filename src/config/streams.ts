import { z } from "zod";
import type { FallbackMode } from "../protocol/supervisor.ts";
import { destinationList, type Destination } from "./egress.ts";
import { workerSettings } from "./worker.ts";

/** A stream's id: it names files, sockets and paths, so nothing but these characters. */
export const streamId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "a stream id is 1..64 of A-Z a-z 0-9 _ -");

const delay = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(workerSettings.playoutDelayMs.schema);

/** One stream's section of the config file; what it leaves out comes from the global settings. */
export const streamSection = z.strictObject({
  target: workerSettings.targetLanguages.schema.optional(),
  source: workerSettings.sourceLanguage.schema.optional(),
  voice: workerSettings.voice.schema.optional(),
  delay: delay.optional(),
  fallback: workerSettings.fallbackMode.schema.optional(),
  egress: destinationList.optional(),
});
export type StreamSection = z.infer<typeof streamSection>;

/** How one stream is dubbed, fixed for the life of its worker. */
export interface StreamSettings {
  readonly sourceLanguage: string;
  /** Of `out` itself. */
  readonly targetLanguage: string;
  /** Each with an output of its own, `out_<language>`. */
  readonly furtherLanguages: readonly string[];
  readonly voice: string;
  readonly playoutDelayMs: number;
  readonly fallback: FallbackMode;
  /** Where its `out` is forwarded to. */
  readonly egress: readonly Destination[];
}

/** What {@link resolveStream} reads of the configuration. */
export interface StreamDefaults {
  readonly values: {
    readonly sourceLanguage: string;
    readonly targetLanguages: readonly string[];
    readonly voice: string;
    readonly playoutDelayMs: number;
    readonly fallbackMode: FallbackMode;
    readonly egressEnabled: boolean | undefined;
  };
  readonly streams: ReadonlyMap<string, StreamSection>;
  readonly egressRules: ReadonlyMap<string, readonly Destination[]>;
}

/**
 * A stream's settings: the publish URL's query (`lang`, `src`, `voice`, `egress=0|1`) over its section
 * of the config file over the global settings. A bad value in the query never breaks ingest: it is
 * left out with a warning. Whether the target language can be served is the sidecar's to say.
 *
 * @param query raw query string of the publish URL, without `?`
 */
export function resolveStream(
  config: StreamDefaults,
  id: string,
  query = "",
): { settings: StreamSettings; warnings: string[] } {
  const { values } = config;
  const section = config.streams.get(id) ?? {};
  const asked = new URLSearchParams(query);
  const warnings: string[] = [];
  const wished = <Value>(key: string, schema: z.ZodType<Value, string>): Value | undefined => {
    const text = asked.get(key);
    if (text === null || text === "") return undefined;
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    const why = parsed.error.issues.map((issue) => issue.message).join("; ");
    warnings.push(`query ${key}=${text.slice(0, 64)}: ${why}; the configured value is used`);
    return undefined;
  };
  const egressOff = asked.get("egress") === "0" || values.egressEnabled === false;
  const destinations = config.egressRules.get(id) ?? section.egress ?? [];
  if (values.egressEnabled === true && destinations.length === 0)
    warnings.push("EGRESS_ENABLED=true, but no rule names a destination for this stream");
  const [targetLanguage = "", ...furtherLanguages] =
    wished("lang", workerSettings.targetLanguages.schema) ??
    section.target ??
    values.targetLanguages;
  const settings: StreamSettings = {
    sourceLanguage:
      wished("src", workerSettings.sourceLanguage.schema) ??
      section.source ??
      values.sourceLanguage,
    targetLanguage,
    furtherLanguages,
    voice: wished("voice", workerSettings.voice.schema) ?? section.voice ?? values.voice,
    playoutDelayMs: section.delay ?? values.playoutDelayMs,
    fallback: section.fallback ?? values.fallbackMode,
    egress: egressOff ? [] : destinations,
  };
  return { settings, warnings };
}
