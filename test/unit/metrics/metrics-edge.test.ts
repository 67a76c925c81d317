import { expect, test } from "bun:test";
import type {
  FragmentReport,
  RelayStatus,
  WorkerStatus,
} from "../../../src/protocol/supervisor.ts";
import { EdgeMetrics, type EgressMeasurement } from "../../../src/telemetry/metrics-edge.ts";
import { readMetrics } from "./prometheus-text.ts";

const relay = (change: Partial<RelayStatus> = {}): RelayStatus => ({
  type: "status",
  state: "live",
  uptimeMs: 12_000,
  playedSamples: 480_000,
  avDeltaMs: -3.5,
  lateMs: 80,
  workerConnected: true,
  playing: "dub",
  videoQueue: 150,
  audioQueue: 300,
  counters: { packets: 250, blocks: 500, pushFailures: 2 },
  ...change,
});

const worker = (counters: Record<string, number>, change: Partial<WorkerStatus> = {}) =>
  ({
    type: "status",
    sts: { state: "ready", engine: "echo", endpoint: "e", lastError: null, reconnects: 1 },
    breaker: "half-open",
    inflight: 2,
    counters,
    lastText: null,
    partial: null,
    ...change,
  }) satisfies WorkerStatus;

const fragment = (change: Partial<FragmentReport> = {}): FragmentReport => ({
  type: "fragment",
  fragmentId: "f",
  sequenceNumber: 0,
  startSample: 0,
  endSample: 96_000,
  outcome: "dubbed",
  reason: null,
  transcript: "hello",
  translatedText: "olá",
  tempo: 1.07,
  processingTimeMs: 700,
  roundTripMs: 1200,
  stageTimings: { asr_ms: 300, translation_ms: 10, tts_ms: 390 },
  ...change,
});

const egress = (change: Partial<EgressMeasurement> = {}): EgressMeasurement => ({
  streamId: "match",
  runId: "run1",
  instanceId: "i1",
  destination: "yt",
  state: "forwarding",
  pid: 4711,
  restarts: 1,
  bytesOut: 1000,
  retries: { io_broken: 2 },
  connectLatencyMs: { input: 2100, output: 130 },
  lastError: { code: 40 },
  ...change,
});

test("a child that was replaced goes on counting where the last one stopped", async () => {
  const metrics = new EdgeMetrics("1.2.3");
  metrics.recordWorkerStatus("match", worker({ fragments_sent: 10, fragments_success: 8 }));
  metrics.recordWorkerStatus("match", worker({ fragments_sent: 14, fragments_success: 12 }));
  metrics.recordRestart("match", "worker");
  metrics.recordWorkerStatus("match", worker({ fragments_sent: 14, fragments_success: 1 }));
  const page = readMetrics(await metrics.text());
  const labels = { stream_id: "match" };
  expect(page.value("media_service_worker_sts_fragments_sent_total", labels)).toBe(28);
  expect(page.value("ws_fragments_sent_total", labels)).toBe(28);
  const success = { ...labels, status: "success" };
  expect(page.value("media_service_worker_sts_fragments_processed_total", success)).toBe(13);
  expect(page.value("livedub_restarts_total", { ...labels, process: "worker" })).toBe(1);
});

test("both families of the contract show what relay and worker measured", async () => {
  const metrics = new EdgeMetrics("1.2.3");
  metrics.recordRelayStatus("match", relay(), 6000);
  const counters = { backpressure_pause: 2, errors_sts_timeout: 3, breaker_fallbacks: 4 };
  metrics.recordWorkerStatus("match", worker(counters));
  const page = readMetrics(await metrics.text());
  const labels = { stream_id: "match" };
  const prefix = "media_service_worker_";
  expect(page.value(`${prefix}info_info`, { ...labels, version: "1.2.3" })).toBe(1);
  expect(page.value(`${prefix}av_sync_delta_ms`, labels)).toBe(-3.5);
  expect(page.value("worker_av_sync_delta_ms", labels)).toBe(-3.5);
  expect(page.value(`${prefix}circuit_breaker_state`, labels)).toBe(1);
  expect(page.value("worker_sts_breaker_state", labels)).toBe(1);
  expect(page.value(`${prefix}circuit_breaker_fallbacks_total`, labels)).toBe(4);
  expect(page.value(`${prefix}pipeline_state`, { ...labels, pipeline: "output" })).toBe(1);
  expect(page.value(`${prefix}backpressure_events_total`, { ...labels, action: "pause" })).toBe(2);
  expect(page.value(`${prefix}errors_total`, { ...labels, error_type: "sts_timeout" })).toBe(3);
  const error = { ...labels, error_code: "TIMEOUT", retryable: "true" };
  expect(page.value("ws_errors_total", error)).toBe(3);
  expect(page.value(`${prefix}segments_processed_total`, { ...labels, type: "video" })).toBe(250);
  expect(page.value(`${prefix}segments_bytes_total`, { ...labels, type: "audio" })).toBe(1_920_000);
  expect(page.value(`${prefix}errors_total`, { ...labels, error_type: "output" })).toBe(2);
  expect(page.value("livedub_publisher_to_viewer_latency_ms", labels)).toBe(6080);
  expect(page.value("livedub_sts_engine_info", { ...labels, engine: "echo" })).toBe(1);
});

test("a fragment's answer time falls into the contract's buckets", async () => {
  const metrics = new EdgeMetrics("1.2.3");
  metrics.recordFragment("match", fragment({ roundTripMs: 1200 }));
  metrics.recordFragment("match", fragment({ roundTripMs: 4500 }));
  const page = readMetrics(await metrics.text());
  const bucket = (le: string) =>
    page.value("media_service_worker_sts_processing_latency_seconds_bucket", {
      stream_id: "match",
      le,
    });
  expect(["0.5", "1", "2", "3", "4", "5", "6", "8", "10", "15", "+Inf"].map(bucket)).toEqual([
    0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2,
  ]);
  const stage = { stream_id: "match", stage: "mt" };
  expect(page.value("ws_fragment_processing_time_ms_sum", stage)).toBe(20);
});

test("fallbacks are counted with their reasons, for metrics and for the page", async () => {
  const metrics = new EdgeMetrics("1.2.3");
  metrics.recordFragment("match", fragment());
  metrics.recordFragment("match", fragment({ outcome: "no-speech" }));
  metrics.recordFragment("match", fragment({ outcome: "partial", reason: "timeout" }));
  for (let i = 0; i < 3; i += 1)
    metrics.recordFragment("match", fragment({ outcome: "fallback", reason: "breaker_open" }));
  const page = readMetrics(await metrics.text());
  const reason = { stream_id: "match", reason: "breaker_open" };
  expect(page.value("worker_fallback_total", reason)).toBe(3);
  expect(metrics.fragments("match")).toEqual({
    dubbed: 1,
    partial: 1,
    noSpeech: 1,
    fallback: 3,
    reasons: { timeout: 1, breaker_open: 3 },
  });
});

test("a sidecar that invents error codes cannot fill the memory", async () => {
  const metrics = new EdgeMetrics("1.2.3");
  for (let i = 0; i < 1000; i += 1)
    metrics.recordFragment("match", fragment({ outcome: "fallback", reason: `code${i}` }));
  const page = readMetrics(await metrics.text());
  expect(page.series("worker_fallback_total").length).toBeLessThanOrEqual(100);
  expect(Object.keys(metrics.fragments("match").reasons).length).toBeLessThanOrEqual(25);
});

test("clauses are counted by what became of them, over a replaced worker too", async () => {
  const metrics = new EdgeMetrics("1.2.3");
  const before = { clauses_dubbed: 7, clauses_late: 2, clause_words: 40, clauses: 9 };
  metrics.recordWorkerStatus("match", worker(before));
  metrics.recordRestart("match", "worker");
  const dropped = { clauses_dropped: 3, clause_dropped_overload: 1, clause_dropped_timeout: 2 };
  metrics.recordWorkerStatus("match", worker({ clauses_dubbed: 1, clause_words: 4, ...dropped }));
  const page = readMetrics(await metrics.text());
  const labels = { stream_id: "match" };
  const byStatus = (status: string) => page.value("worker_clauses_total", { ...labels, status });
  expect(["dubbed", "late", "dropped"].map(byStatus)).toEqual([8, 2, 3]);
  const byReason = (reason: string) =>
    page.value("worker_clauses_dropped_total", { ...labels, reason });
  expect(["overload", "timeout", "other"].map(byReason)).toEqual([1, 2, undefined]);
  expect(page.value("worker_clause_words_total", labels)).toBe(44);
});

test("reasons of dropped clauses that nobody knows share one series, and none of them is lost", async () => {
  const metrics = new EdgeMetrics("1.2.3");
  const tell = (many: number) => {
    const invented = Object.fromEntries(
      Array.from({ length: many }, (_, index) => [`clause_dropped_code${index}`, 2]),
    );
    metrics.recordWorkerStatus(
      "match",
      worker({ clauses_dropped: 1 + 2 * many, clause_dropped_late: 1, ...invented }),
    );
  };
  tell(100);
  tell(150);
  const page = readMetrics(await metrics.text());
  expect(page.series("worker_clauses_dropped_total").map(({ labels }) => labels["reason"])).toEqual(
    ["late", "other"],
  );
  expect(page.value("worker_clauses_dropped_total", { reason: "other" })).toBe(300);
});

test("a stream that is dubbed fragment by fragment shows no clauses", async () => {
  const metrics = new EdgeMetrics("1.2.3");
  metrics.recordWorkerStatus("match", worker({ fragments_sent: 3 }));
  expect(readMetrics(await metrics.text()).series("worker_clauses_total")).toEqual([]);
});

test("each destination of a stream has its own series, and its bytes add up over runs", async () => {
  const metrics = new EdgeMetrics("1.2.3");
  metrics.recordEgress(egress());
  metrics.recordEgress(egress({ bytesOut: 5000 }));
  metrics.recordEgress(egress({ destination: "tw", state: "cooldown", pid: null }));
  metrics.recordEgress(egress({ runId: "run2", bytesOut: 300 }));
  const page = readMetrics(await metrics.text());
  const run = { streamId: "match", runId: "run1", destination: "yt" };
  expect(page.value("egress_forwarder_up", { ...run, instanceId: "i1" })).toBe(1);
  expect(page.value("egress_forwarder_forwarding", { ...run, instanceId: "i1" })).toBe(1);
  expect(page.value("egress_forwarder_bytes_out_total", run)).toBe(5000);
  expect(page.value("egress_forwarder_retry_total", { ...run, error_kind: "io_broken" })).toBe(2);
  expect(page.value("egress_forwarder_restarts_total", run)).toBe(1);
  expect(page.value("egress_forwarder_last_error", run)).toBe(40);
  expect(page.value("egress_forwarder_connect_latency_ms", { ...run, stage: "rtmp" })).toBe(130);
  const twitch = { ...run, destination: "tw", instanceId: "i1" };
  expect(page.value("egress_forwarder_up", twitch)).toBe(0);
  const total = { stream_id: "match", destination: "yt" };
  expect(page.value("livedub_egress_bytes_total", total)).toBe(5300);
});

test("bytes of a publisher that returns are added, not lost", async () => {
  const metrics = new EdgeMetrics("1.2.3");
  metrics.recordIngest("match", "a", 1000);
  metrics.recordIngest("match", "b", 1500);
  metrics.recordIngest("match", "b", 1700);
  const page = readMetrics(await metrics.text());
  expect(page.value("livedub_ingest_bytes_total", { stream_id: "match" })).toBe(2700);
});

test("series of streams that ended go away after a while, and sooner when many end", async () => {
  let nowMs = 0;
  const metrics = new EdgeMetrics("1.2.3", () => nowMs);
  const feed = (id: string) => {
    metrics.recordRelayStatus(id, relay(), 6000);
    metrics.recordWorkerStatus(id, worker({ fragments_sent: 1 }));
    metrics.recordFragment(id, fragment());
    metrics.recordEgress(egress({ streamId: id }));
  };
  feed("stays");
  feed("goes");
  metrics.endStream("goes");
  expect(await metrics.text()).toContain('"goes"');
  nowMs = 300_001;
  const after = await metrics.text();
  expect(after).not.toContain('"goes"');
  expect(after).toContain('"stays"');
  for (let i = 0; i < 500; i += 1) {
    feed(`short${i}`);
    metrics.endStream(`short${i}`);
  }
  const page = readMetrics(await metrics.text());
  const streams = new Set(page.all.map(({ labels }) => labels["stream_id"] ?? labels["streamId"]));
  expect(streams.size).toBeLessThanOrEqual(35);
  expect(streams.has("stays")).toBe(true);
});

test("a stream that comes back counts on from what is still shown", async () => {
  let nowMs = 0;
  const metrics = new EdgeMetrics("1.2.3", () => nowMs);
  metrics.recordWorkerStatus("match", worker({ fragments_sent: 5 }));
  metrics.endStream("match");
  nowMs = 60_000;
  metrics.recordWorkerStatus("match", worker({ fragments_sent: 7 }));
  nowMs = 400_000;
  const page = readMetrics(await metrics.text());
  expect(page.value("ws_fragments_sent_total", { stream_id: "match" })).toBe(12);
});

test("label values that would break the text format are escaped", async () => {
  const metrics = new EdgeMetrics("1.2.3");
  metrics.recordFragment("match", fragment({ outcome: "fallback", reason: 'a"b\n\\c' }));
  const page = readMetrics(await metrics.text());
  const labels = { stream_id: "match", reason: 'a"b\n\\c' };
  expect(page.value("worker_fallback_total", labels)).toBe(1);
});
