import pino, { type Logger as PinoLogger } from "pino";

/** A structured logger; fields by the contract: `streamId runId instanceId component`, per fragment `fragmentId batchNumber`. */
export type Logger = PinoLogger;

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface LogOptions {
  readonly level: LogLevel;
  /** `json` for machines, `text` for a person at a terminal. */
  readonly format: "json" | "text";
  readonly fields?: Record<string, string>;
}

/** Keys whose values never reach a log line, wherever a caller puts them. */
const secretKeys = ["key", "apiKey", "token", "password", "secret", "authorization", "nonce"];

/**
 * The process's logger: one line an event on stdout (stderr keeps the unforeseen).
 * Values under secret keys are replaced; URLs are the caller's duty ({@link redactUrl}).
 */
export function createLogger(options: LogOptions): Logger {
  const redact = {
    paths: secretKeys.flatMap((key) => [key, `*.${key}`]),
    censor: "***",
  };
  const base = { ...options.fields };
  const formatters = { level: (label: string) => ({ level: label }) };
  const timestamp = () => `,"ts":"${new Date().toISOString()}"`;
  const sink = openSink();
  const destination =
    options.format === "json"
      ? sink
      : { write: (line: string) => void sink.write(`${asText(line)}\n`) };
  return pino(
    { level: options.level, base, redact, formatters, timestamp, messageKey: "message" },
    destination,
  );
}

/** Kept while stdout takes nothing, for when it does again; lines beyond it are lost. */
const mostUnwrittenBytes = 1024 * 1024;

/** Stdout. A full disk, or a reader that has gone, costs lines of the log and never the process. */
function openSink() {
  const sink = pino.destination({ fd: 1, sync: true, maxLength: mostUnwrittenBytes });
  sink.on("error", () => {});
  return sink;
}

/** `12:00:01 info  relay  live: first picture  streamId=match` from one JSON line. */
function asText(line: string): string {
  const { ts, level, component, message, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const fields = Object.entries(rest)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
  const time = String(ts).slice(11, 19);
  return [time, String(level).padEnd(5), component ?? "livedub", message, fields]
    .filter((part) => part !== undefined && part !== "")
    .join("  ");
}
