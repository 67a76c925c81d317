import { text } from "./scalars.ts";
import { setting } from "./setting.ts";

/** A setting of the original documents that livedub takes without an error and does not use. */
const ignored = (name: string, reason: string, aliases: readonly string[] = []) =>
  setting<string | undefined>({
    name,
    aliases,
    scope: "worker",
    schema: text,
    doc: "Accepted, without effect",
    ignored: reason,
  });

/** Worker settings of contract 7.3 that a deployment may still carry; each gives one warning when set. */
export const ignoredWorkerSettings = {
  streamId: ignored("WORKER_STREAM_ID", "serve gives each worker its stream"),
  inputUrl: ignored("WORKER_INPUT_URL", "serve gives each worker its input"),
  outputUrl: ignored("WORKER_OUTPUT_URL", "out is always live/<stream>/out; forward it by egress", [
    "RTMP_OUTPUT_URL",
  ]),
  mediamtxHost: ignored("WORKER_MEDIAMTX_HOST", "ORCH_MEDIAMTX_HOST counts for all"),
  mediamtxRtspPort: ignored("WORKER_MEDIAMTX_RTSP_PORT", "RTSP is not served"),
  bufferTarget: ignored("WORKER_BUFFER_TARGET", "WORKER_PLAYOUT_DELAY_MS replaces it"),
  maxBufferedAudio: ignored(
    "WORKER_BACKPRESSURE_MAX_BUFFERED_AUDIO",
    "the queue is bounded by the playout delay",
  ),
  backpressureThreshold: ignored(
    "STS_BACKPRESSURE_THRESHOLD",
    "the sidecar's own backpressure events are obeyed",
  ),
  reconnectAttempts: ignored("STS_WS_RECONNECT_ATTEMPTS", "a worker reconnects for ever"),
  reconnectDelayMs: ignored(
    "STS_WS_RECONNECT_DELAY_MS",
    "reconnection starts at 1 s and doubles to 30 s",
  ),
  pingIntervalMs: ignored("STS_WS_PING_INTERVAL_MS", "the sidecar sets it in its handshake"),
  pingTimeoutMs: ignored("STS_WS_PING_TIMEOUT_MS", "the sidecar sets it in its handshake"),
  cacheDir: ignored("WORKER_CACHE_DIR", "LIVEDUB_CACHE_DIR counts for all"),
  cacheMaxBytes: ignored("WORKER_CACHE_MAX_BYTES", "workers cache nothing on disk"),
  assetsDir: ignored("WORKER_ASSETS_DIR", "workers write no run bundles"),
  segmentDir: ignored("WORKER_SEGMENT_DIR", "segments never go to disk", ["SEGMENT_DIR"]),
};
