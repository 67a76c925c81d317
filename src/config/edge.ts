import { z } from "zod";
import { bool, choice, duration, hostPort, integer, text, url } from "./scalars.ts";
import { setting } from "./setting.ts";

/** SHA-256 of a stream's publish key in hex, by stream id; `*` stands for every stream without its own. */
export type PublishKeys = Readonly<Record<string, string>>;

/** A listener's address as settings give it. */
type HostPort = z.output<typeof hostPort>;

const publishKeyMap = z.record(
  z
    .string()
    .regex(/^(\*|[A-Za-z0-9_-]{1,64})$/, "stream ids are 1..64 of A-Z a-z 0-9 _ -, or * for all"),
  z
    .string()
    .regex(
      /^[0-9a-fA-F]{64}$/,
      "each key is its SHA-256 in 64 hex digits (printf %s KEY | sha256sum)",
    )
    .transform((hex) => hex.toLowerCase()),
);

const publishKeys = z.string().transform((json, context): PublishKeys => {
  const parsed = publishKeyMap.safeParse(parseJson(json));
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues.map((issue) => issue.message).join("; ");
  context.addIssue({
    code: "custom",
    message: `must be JSON like {"match": "<sha256 hex>", "*": "<sha256 hex>"}; ${why}`,
  });
  return z.NEVER;
});

/** `host:port`, or a port alone, which then listens on loopback. */
const listenAddress = z
  .string()
  .transform((value) => (/^\d+$/.test(value.trim()) ? `127.0.0.1:${value.trim()}` : value))
  .pipe(hostPort);

const secret = z
  .string()
  .min(16, "must be at least 16 characters (openssl rand -hex 32 makes a good one)");

/** What `livedub serve` reads: its listeners, MediaMTX, the life of streams, and secrets (contract 7.2). */
export const edgeSettings = {
  configFile: setting<string | undefined>({
    name: "LIVEDUB_CONFIG",
    scope: "edge",
    schema: text,
    doc: "JSON or TOML file with any of these settings and a section per stream",
  }),
  httpAddress: setting({
    name: "ORCH_HTTP_ADDR",
    aliases: ["PORT"],
    scope: "edge",
    schema: listenAddress,
    default: "127.0.0.1:8080",
    doc: "Where hooks, API, status page and metrics listen; any address but loopback needs LIVEDUB_HOOK_SECRET and LIVEDUB_API_TOKEN",
  }),
  hookBaseUrl: setting<string | undefined>({
    name: "ORCH_HOOK_BASE_URL",
    aliases: ["ORCHESTRATOR_URL"],
    scope: "edge",
    schema: url("http", "https"),
    doc: "Where the media server's hooks reach us; derived from ORCH_HTTP_ADDR when unset",
  }),
  publishKeys: setting<PublishKeys | undefined>({
    name: "LIVEDUB_PUBLISH_KEYS",
    scope: "edge",
    schema: publishKeys,
    secret: true,
    doc: "Who may publish: JSON {stream id or `*`: SHA-256 hex of the key}; unset: anyone who reaches the listener, which must then be loopback",
  }),
  hookSecret: setting<string | undefined>({
    name: "LIVEDUB_HOOK_SECRET",
    scope: "edge",
    schema: secret,
    secret: true,
    doc: "Shown by the media server's hooks; unset: none is asked for, loopback only",
  }),
  apiToken: setting<string | undefined>({
    name: "LIVEDUB_API_TOKEN",
    scope: "edge",
    schema: secret,
    secret: true,
    doc: "Bearer token of the API, the status page and metrics; unset: no token, loopback only",
  }),
  gracePeriodMs: setting({
    name: "ORCH_GRACE_PERIOD",
    scope: "edge",
    schema: duration(0, 300_000),
    default: "30s",
    doc: "How long a stream and its egress outlive a publisher that went away (0s..5m)",
  }),
  maxWorkers: setting({
    name: "ORCH_MAX_WORKERS",
    aliases: ["MAX_CONCURRENT_STREAMS"],
    scope: "edge",
    schema: integer(0, 1000, "streams"),
    default: "0",
    doc: "Streams at once; 0 = no limit; a publisher beyond it is refused",
  }),
  stateDir: setting({
    name: "ORCH_STATE_DIR",
    scope: "edge",
    schema: text,
    default: "./.local/state/stream-orchestration",
    doc: "Sockets, generated configuration and the list of children; must be writable",
  }),
  workerMode: setting({
    name: "ORCH_WORKER_MODE",
    scope: "edge",
    schema: choice("process", "external"),
    default: "process",
    doc: "`process`: our own relay and worker; `external` (a foreign worker program) is refused by this version",
  }),
  mediamtxHost: setting({
    name: "ORCH_MEDIAMTX_HOST",
    aliases: ["MEDIAMTX_HOST"],
    scope: "edge",
    schema: text,
    default: "127.0.0.1",
    doc: "127.0.0.1: our own MediaMTX, supervised; another host: an external one, only observed (its API at the port of MEDIAMTX_API_ADDRESS, its RTMP at that of MEDIAMTX_RTMP_ADDRESS); who may publish there is its own affair",
  }),
  rtmpAddress: setting({
    name: "MEDIAMTX_RTMP_ADDRESS",
    scope: "edge",
    schema: hostPort,
    default: "127.0.0.1:1935",
    doc: "Where encoders publish and players read RTMP; `:1935` is every address and needs LIVEDUB_PUBLISH_KEYS",
  }),
  hlsAddress: setting({
    name: "MEDIAMTX_HLS_ADDRESS",
    scope: "edge",
    schema: hostPort,
    default: "127.0.0.1:8888",
    doc: "HLS listener for viewers; any address but loopback needs LIVEDUB_PUBLISH_KEYS",
  }),
  rtspAddress: setting<HostPort | undefined>({
    name: "MEDIAMTX_RTSP_ADDRESS",
    scope: "edge",
    schema: hostPort,
    doc: "Where encoders may publish by RTSP too (over TCP), rtsp://HOST:8554/live/STREAM/in?key=…; unset: off; any address but loopback needs LIVEDUB_PUBLISH_KEYS",
  }),
  srtAddress: setting<HostPort | undefined>({
    name: "MEDIAMTX_SRT_ADDRESS",
    scope: "edge",
    schema: hostPort,
    doc: "Where encoders may publish by SRT too, srt://HOST:8890?streamid=publish:live/STREAM/in:key=…; unset: off; any address but loopback needs LIVEDUB_PUBLISH_KEYS",
  }),
  webrtcAddress: setting<HostPort | undefined>({
    name: "MEDIAMTX_WEBRTC_ADDRESS",
    scope: "edge",
    schema: hostPort,
    doc: "Where encoders may publish by WebRTC too (WHIP; H.264 and Opus, the media over UDP on the same port), http://HOST:8889/live/STREAM/in/whip?key=…; unset: off; any address but loopback needs LIVEDUB_PUBLISH_KEYS",
  }),
  mediamtxApiAddress: setting({
    name: "MEDIAMTX_API_ADDRESS",
    scope: "edge",
    schema: hostPort,
    default: "127.0.0.1:9997",
    doc: "MediaMTX's control API: loopback only, and guarded by a secret of each run, which livedub alone has",
  }),
  mediamtxMetricsAddress: setting({
    name: "MEDIAMTX_METRICS_ADDRESS",
    scope: "edge",
    schema: hostPort,
    default: "127.0.0.1:9998",
    doc: "MediaMTX's own metrics: loopback only",
  }),
  mediamtxConfigPath: setting<string | undefined>({
    name: "MEDIAMTX_CONFIG_PATH",
    scope: "edge",
    schema: text,
    doc: "Where the generated MediaMTX configuration is written; in ORCH_STATE_DIR when unset",
  }),
  mediamtxRtmpUrl: setting<string | undefined>({
    name: "MEDIAMTX_RTMP_URL",
    scope: "edge",
    schema: url("rtmp", "rtmps"),
    doc: "Base URL of MediaMTX's RTMP listener, when it is not the one above",
  }),
  overridePublisher: setting({
    name: "LIVEDUB_OVERRIDE_PUBLISHER",
    scope: "edge",
    schema: bool,
    default: "false",
    doc: "A second publisher with the right key takes the stream over and the first one is disconnected (our own MediaMTX); otherwise the second is refused while the first one publishes",
  }),
  record: setting({
    name: "LIVEDUB_RECORD",
    scope: "edge",
    schema: bool,
    default: "false",
    doc: "Records every `out` as fragmented MP4, by our own MediaMTX, an hour a file",
  }),
  recordDir: setting<string | undefined>({
    name: "LIVEDUB_RECORD_DIR",
    scope: "edge",
    schema: text.refine(
      (path) => !path.includes("%"),
      "must hold no %: MediaMTX fills in dates there",
    ),
    doc: "Where recordings go, `live/<stream>/out/<date>.mp4`; `recordings` in ORCH_STATE_DIR when unset",
  }),
  recordKeepMs: setting({
    name: "LIVEDUB_RECORD_RETENTION",
    scope: "edge",
    schema: duration(3_600_000, 8_760 * 3_600_000),
    default: "168h",
    doc: "Recordings older than this are removed (1h..8760h)",
  }),
  ffmpegBin: setting<string | undefined>({
    name: "FFMPEG_BIN",
    scope: "edge",
    schema: text,
    doc: "FFmpeg to use in place of the bundled or cached one",
  }),
  mediamtxBin: setting<string | undefined>({
    name: "MEDIAMTX_BIN",
    scope: "edge",
    schema: text,
    doc: "MediaMTX to use in place of the bundled or cached one",
  }),
  cacheDir: setting<string | undefined>({
    name: "LIVEDUB_CACHE_DIR",
    scope: "edge",
    schema: text,
    doc: "Programs and weights; `$XDG_CACHE_HOME/livedub`, else `~/.cache/livedub`, when unset",
  }),
};

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
