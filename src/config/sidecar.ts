import { bool, choice, decimal, integer, text } from "./scalars.ts";
import { setting } from "./setting.ts";
import { sidecarEngineSettings } from "./sidecar-engine.ts";
import { loadThreshold, type LoadThreshold } from "./sidecar-providers.ts";

const scope = "sidecar";

/** What `livedub-sts` reads (contract 7.4): listening, access, sessions and limits. */
const sidecarServerSettings = {
  port: setting({
    name: "STS_PORT",
    aliases: ["STS_API_PORT", "API_PORT", "WS_PORT", "PORT", "ECHO_PORT"],
    scope,
    schema: integer(0, 65_535, "a TCP port"),
    default: "8000",
    doc: "Port of Socket.IO, HTTP API, health and metrics (0 = any free one, named in the log)",
  }),
  host: setting({
    name: "STS_HOST",
    aliases: ["HOST", "ECHO_HOST"],
    scope,
    schema: text,
    default: "127.0.0.1",
    doc: "Address to listen on; any but loopback needs `STS_API_KEY` (echo mode excepted)",
  }),
  mode: setting({
    name: "STS_MODE",
    scope,
    schema: choice("real", "echo"),
    default: "real",
    doc: "`real`, or `echo`: no models, every fragment comes back as it went in",
  }),
  apiKey: setting<string | undefined>({
    name: "STS_API_KEY",
    aliases: ["API_KEY"],
    scope,
    schema: text,
    secret: true,
    doc: "Key that clients must show (`auth.token`, `Authorization: Bearer` or `X-API-Key`); unset = open",
  }),
  requireAuth: setting({
    name: "REQUIRE_AUTH",
    scope,
    schema: bool,
    default: "false",
    doc: "`true` refuses to start without a key",
  }),
  maxInflight: setting({
    name: "MAX_INFLIGHT",
    scope,
    schema: integer(1, 10, "fragments"),
    default: "3",
    doc: "Fragments in flight of a session that does not ask for a number",
  }),
  fragmentTimeoutMs: setting({
    name: "FRAGMENT_TIMEOUT_MS",
    aliases: ["PROCESSING_TIMEOUT_MS"],
    scope,
    schema: integer(1000, 120_000, "ms"),
    default: "8000",
    doc: "Time a fragment may take in a session that does not ask for one, ms",
  }),
  processingTimeoutS: setting<number | undefined>({
    name: "PROCESSING_TIMEOUT",
    scope,
    schema: decimal(1, 120),
    doc: "The same in seconds; `FRAGMENT_TIMEOUT_MS` wins",
  }),
  maxConcurrentStreams: setting({
    name: "MAX_CONCURRENT_STREAMS",
    scope,
    schema: integer(1, 1000, "streams"),
    default: "5",
    doc: "Sessions at a time in real mode; one more is refused with `RATE_LIMIT`",
  }),
  fallbackMode: setting({
    name: "FALLBACK_MODE",
    scope,
    schema: choice("silence", "original"),
    default: "silence",
    doc: "What is answered for speech whose translation is empty",
  }),
  maxWorkers: setting({
    name: "MAX_WORKERS",
    aliases: ["STS_MAX_WORKERS"],
    scope,
    schema: integer(1, 16, "fragments"),
    default: "4",
    doc: "Fragments in the engine at a time, over all sessions; HTTP requests at a time",
  }),
  metricsPort: setting<number | undefined>({
    name: "METRICS_PORT",
    scope,
    schema: integer(1, 65_535, "a TCP port"),
    doc: "A second listener for `/metrics`; unset = the main port only",
  }),
  varianceSuccessMax: setting({
    name: "DURATION_VARIANCE_SUCCESS_MAX",
    scope,
    schema: decimal(0, 1),
    default: "0.10",
    doc: "Difference in length up to which a dub is `success`",
  }),
  variancePartialMax: setting({
    name: "DURATION_VARIANCE_PARTIAL_MAX",
    scope,
    schema: decimal(0, 1),
    default: "0.20",
    doc: "Difference in length beyond which the warning is `duration_mismatch`",
  }),
  thresholdLow: setting<LoadThreshold | undefined>({
    name: "BACKPRESSURE_THRESHOLD_LOW",
    scope,
    schema: loadThreshold,
    doc: "Up to this load no backpressure: a count, or a share of `max_inflight` (real 1.0, echo 0.5)",
  }),
  thresholdMedium: setting<LoadThreshold | undefined>({
    name: "BACKPRESSURE_THRESHOLD_MEDIUM",
    scope,
    schema: loadThreshold,
    doc: "Count up to which it is `medium`; as a share, from which it is (real 2 × max_inflight, echo 0.7)",
  }),
  thresholdHigh: setting<LoadThreshold | undefined>({
    name: "BACKPRESSURE_THRESHOLD_HIGH",
    scope,
    schema: loadThreshold,
    doc: "Count up to which it is `high`; as a share, from which it is (real 3 × max_inflight, echo 0.9)",
  }),
  thresholdCritical: setting<LoadThreshold | undefined>({
    name: "BACKPRESSURE_THRESHOLD_CRITICAL",
    scope,
    schema: loadThreshold,
    doc: "Load beyond which fragments are refused (real: the larger of 10 and 3 × max_inflight)",
  }),
  queueMaxDepth: setting({
    name: "QUEUE_MAX_DEPTH",
    scope,
    schema: integer(1, 1000, "fragments"),
    default: "20",
    doc: "Fragments of a stream that may wait in real mode; one more is refused with `QUEUE_FULL`",
  }),
  maxMessageBytes: setting({
    name: "WS_MAX_BUFFER_SIZE",
    scope,
    schema: integer(1_048_576, 268_435_456, "bytes"),
    default: "52428800",
    doc: "Largest Socket.IO message, bytes",
  }),
  maxConnections: setting({
    name: "WS_MAX_CONNECTIONS",
    scope,
    schema: integer(0, 100_000, "connections"),
    default: "0",
    doc: "Socket.IO connections at a time; 0 = no limit",
  }),
  pingIntervalS: setting({
    name: "WS_PING_INTERVAL",
    scope,
    schema: decimal(0.1, 120),
    default: "25",
    doc: "Seconds between pings",
  }),
  pingTimeoutS: setting({
    name: "WS_PING_TIMEOUT",
    scope,
    schema: decimal(0.1, 120),
    default: "10",
    doc: "Seconds that a client has to answer a ping",
  }),
  autoDisconnectDelayS: setting({
    name: "AUTO_DISCONNECT_DELAY",
    scope,
    schema: decimal(0, 60),
    default: "5",
    doc: "Seconds from `stream:complete` to the disconnect",
  }),
  echoDelayMs: setting({
    name: "ECHO_PROCESSING_DELAY_MS",
    scope,
    schema: integer(0, 60_000, "ms"),
    default: "0",
    doc: "Echo mode: time a fragment takes, ms",
  }),
  backpressureEnabled: setting({
    name: "BACKPRESSURE_ENABLED",
    scope,
    schema: bool,
    default: "false",
    doc: "Echo mode: whether `backpressure` is sent",
  }),
};

/** Every setting of the sidecar. */
export const sidecarSettings = { ...sidecarServerSettings, ...sidecarEngineSettings };
