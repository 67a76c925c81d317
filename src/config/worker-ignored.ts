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
  ignoredStreamId: ignored("WORKER_STREAM_ID", "serve gives each worker its stream"),
  ignoredInputUrl: ignored("WORKER_INPUT_URL", "serve gives each worker its input"),
  ignoredOutputUrl: ignored(
    "WORKER_OUTPUT_URL",
    "out is always live/<stream>/out; forward it by egress",
    ["RTMP_OUTPUT_URL"],
  ),
  ignoredMediamtxHost: ignored("WORKER_MEDIAMTX_HOST", "ORCH_MEDIAMTX_HOST counts for all"),
  ignoredMediamtxRtspPort: ignored("WORKER_MEDIAMTX_RTSP_PORT", "RTSP is not served"),
  ignoredBufferTarget: ignored("WORKER_BUFFER_TARGET", "WORKER_PLAYOUT_DELAY_MS replaces it"),
  ignoredMaxBufferedAudio: ignored(
    "WORKER_BACKPRESSURE_MAX_BUFFERED_AUDIO",
    "the queue is bounded by the playout delay",
  ),
  ignoredBackpressureThreshold: ignored(
    "STS_BACKPRESSURE_THRESHOLD",
    "the sidecar's own backpressure events are obeyed",
  ),
  ignoredReconnectAttempts: ignored("STS_WS_RECONNECT_ATTEMPTS", "a worker reconnects for ever"),
  ignoredReconnectDelayMs: ignored(
    "STS_WS_RECONNECT_DELAY_MS",
    "reconnection starts at 1 s and doubles to 30 s",
  ),
  ignoredPingIntervalMs: ignored("STS_WS_PING_INTERVAL_MS", "the sidecar sets it in its handshake"),
  ignoredPingTimeoutMs: ignored("STS_WS_PING_TIMEOUT_MS", "the sidecar sets it in its handshake"),
  ignoredCacheDir: ignored("WORKER_CACHE_DIR", "LIVEDUB_CACHE_DIR counts for all"),
  ignoredCacheMaxBytes: ignored("WORKER_CACHE_MAX_BYTES", "workers cache nothing on disk"),
  ignoredSegmentDir: ignored("WORKER_SEGMENT_DIR", "segments never go to disk", ["SEGMENT_DIR"]),
};
