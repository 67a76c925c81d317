import type { StreamSeries } from "./metrics-series.ts";

const latencySeconds = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15];
const roundTripMs = [50, 100, 250, 500, 1000, 2000, 4000, 8000];

/** Families of the released media service (contract 5.2), prefix `media_service_worker_`. */
export function mediaServiceFamilies(series: StreamSeries) {
  const name = (suffix: string) => `media_service_worker_${suffix}`;
  const stream = ["stream_id"];
  return {
    info: series.gauge(name("info_info"), "Version and host", ["version", "stream_id", "host"]),
    segments: series.counter(
      name("segments_processed_total"),
      "Video packets and 20 ms audio blocks that went out",
      ["stream_id", "type"],
    ),
    segmentBytes: series.counter(name("segments_bytes_total"), "Their bytes", [
      "stream_id",
      "type",
    ]),
    sent: series.counter(name("sts_fragments_sent_total"), "Fragments sent to a sidecar", stream),
    processed: series.counter(name("sts_fragments_processed_total"), "Answers by status", [
      "stream_id",
      "status",
    ]),
    latency: series.histogram(
      name("sts_processing_latency_seconds"),
      "From the sending of a fragment to its answer",
      stream,
      latencySeconds,
    ),
    inflight: series.gauge(name("sts_inflight_fragments"), "Fragments at the sidecar", stream),
    breaker: series.gauge(name("circuit_breaker_state"), "0 closed, 1 half-open, 2 open", stream),
    breakerFailures: series.counter(
      name("circuit_breaker_failures_total"),
      "Failures that the circuit breaker counted",
      stream,
    ),
    breakerFallbacks: series.counter(
      name("circuit_breaker_fallbacks_total"),
      "Fragments that fell back because the circuit breaker was open",
      stream,
    ),
    avDelta: series.gauge(
      name("av_sync_delta_ms"),
      "Audio minus video time of what was written last",
      stream,
    ),
    avCorrections: series.counter(
      name("av_sync_corrections_total"),
      "Corrections of audio against video",
      stream,
    ),
    videoBuffer: series.gauge(name("av_buffer_video_size"), "Video packets that wait", stream),
    audioBuffer: series.gauge(name("av_buffer_audio_size"), "Audio blocks that wait", stream),
    errors: series.counter(name("errors_total"), "Errors by type", ["stream_id", "error_type"]),
    pipeline: series.gauge(name("pipeline_state"), "0 stopped, 1 running, 2 error", [
      "stream_id",
      "pipeline",
    ]),
    backpressure: series.counter(name("backpressure_events_total"), "Backpressure events", [
      "stream_id",
      "action",
    ]),
    vadSilences: series.counter(
      name("vad_silence_detections_total"),
      "Fragments cut at a pause",
      stream,
    ),
    vadForced: series.counter(
      name("vad_forced_emissions_total"),
      "Fragments cut because they were as long as allowed",
      stream,
    ),
    vadDuration: series.histogram(
      name("vad_segment_duration_seconds"),
      "Length of fragments",
      stream,
      [1, 2, 3, 4, 5, 6, 8, 10, 12, 15],
    ),
  };
}

/** Families of the original documents (spec 003) and of the socket protocol (spec 016): the same facts by other names. */
export function contractFamilies(series: StreamSeries) {
  const stream = ["stream_id"];
  return {
    audioFragments: series.counter("worker_audio_fragments_total", "Audio fragments by fate", [
      "stream_id",
      "status",
    ]),
    fallbacks: series.counter("worker_fallback_total", "Fragments that fell back, by reason", [
      "stream_id",
      "reason",
    ]),
    inflight: series.gauge("worker_inflight_fragments", "Fragments at the sidecar", stream),
    avDelta: series.gauge("worker_av_sync_delta_ms", "Audio minus video time", stream),
    breaker: series.gauge("worker_sts_breaker_state", "0 closed, 1 half-open, 2 open", stream),
    roundTrip: series.histogram(
      "worker_sts_rtt_ms",
      "From the sending of a fragment to its answer",
      stream,
      roundTripMs,
    ),
    mediaErrors: series.counter(
      "worker_gst_bus_errors_total",
      "Errors of the media pipeline (the name is the original documents')",
      ["stream_id", "error_type"],
    ),
    wsSent: series.counter("ws_fragments_sent_total", "Fragments sent to a sidecar", stream),
    wsReceived: series.counter("ws_fragments_received_total", "Answers by status", [
      "stream_id",
      "status",
    ]),
    wsErrors: series.counter("ws_errors_total", "Errors that a sidecar answered", [
      "stream_id",
      "error_code",
      "retryable",
    ]),
    wsReconnections: series.counter("ws_reconnections_total", "Reconnections to a sidecar", [
      "stream_id",
      "reason",
    ]),
    wsConnection: series.gauge("ws_connection_state", "1 connected and ready, 0 not", stream),
    wsInflight: series.gauge("ws_inflight_fragments", "Fragments at the sidecar", stream),
    wsBackpressure: series.gauge(
      "ws_backpressure_severity",
      "0 none, 1 low, 2 medium, 3 high: what the sidecar said last",
      stream,
    ),
    wsRoundTrip: series.histogram(
      "ws_fragment_rtt_ms",
      "From the sending of a fragment to its answer",
      stream,
      roundTripMs,
    ),
    wsStage: series.histogram(
      "ws_fragment_processing_time_ms",
      "Time of each stage in the sidecar",
      ["stream_id", "stage"],
      roundTripMs,
    ),
  };
}

/** Families of forwarding (contract 6.4); `destination` tells several pushes of one stream apart. */
export function egressFamilies(series: StreamSeries) {
  const name = (suffix: string) => `egress_forwarder_${suffix}`;
  const run = ["streamId", "runId", "destination"];
  return {
    up: series.gauge(name("up"), "1 while its process runs", [...run, "instanceId"]),
    forwarding: series.gauge(name("forwarding"), "1 while bytes go to the destination", [
      ...run,
      "instanceId",
    ]),
    restarts: series.counter(name("restarts_total"), "New processes after the first", run),
    bytesOut: series.counter(name("bytes_out_total"), "Bytes sent to the destination", run),
    retries: series.counter(name("retry_total"), "Retries by kind of error", [
      ...run,
      "error_kind",
    ]),
    connectLatency: series.gauge(
      name("connect_latency_ms"),
      "Latest time to connect; stage rtsp: reading the feed, rtmp: publishing to the destination",
      [...run, "stage"],
    ),
    lastError: series.gauge(
      name("last_error"),
      "Latest error as an exit code: 0 none, 20 input, 30 refused, 40 network, 50 internal",
      run,
    ),
  };
}

/** What the originals ask for beyond the contract's families, and what livedub adds. */
export function livedubFamilies(series: StreamSeries) {
  const stream = ["stream_id"];
  return {
    uptime: series.gauge("livedub_uptime_seconds", "Uptime of a stream's relay and worker", [
      "stream_id",
      "process",
    ]),
    restarts: series.counter("livedub_restarts_total", "Relays and workers that were replaced", [
      "stream_id",
      "process",
    ]),
    ingestBytes: series.counter("livedub_ingest_bytes_total", "Bytes from the publisher", stream),
    egressBytes: series.counter("livedub_egress_bytes_total", "Bytes to destinations", [
      "stream_id",
      "destination",
    ]),
    viewerLatency: series.gauge(
      "livedub_publisher_to_viewer_latency_ms",
      "From a sample's arrival to its writing to the dubbed feed",
      stream,
    ),
    streamSeconds: series.gauge(
      "livedub_stream_time_seconds",
      "Stream time written to the dubbed feed so far",
      stream,
    ),
    fragments: series.counter("livedub_fragments_total", "Fragments by outcome", [
      "stream_id",
      "outcome",
    ]),
    tempo: series.histogram(
      "livedub_dub_tempo_ratio",
      "Tempo that the dub was fitted with",
      stream,
      [0.85, 0.95, 1, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.5],
    ),
    relayCounts: series.counter("livedub_relay_events_total", "What a relay counted", [
      "stream_id",
      "event",
    ]),
    workerCounts: series.counter("livedub_worker_events_total", "What a worker counted", [
      "stream_id",
      "event",
    ]),
    engine: series.gauge("livedub_sts_engine_info", "1: the engine that answers this stream", [
      "stream_id",
      "engine",
    ]),
  };
}
