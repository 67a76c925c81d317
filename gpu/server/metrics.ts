import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { StsStage } from "../../src/protocol/sts-errors.ts";
import type { ClauseObserver } from "../session/clause-observer.ts";
import type { ClauseNotice } from "../session/clauses/line-answer.ts";
import type { RefusalReason } from "../session/clauses/guards.ts";
import type { ShedReason, Worth } from "../session/clauses/work.ts";
import type { SessionObserver } from "../session/session-peer.ts";
import { ChildMetrics } from "./child-metrics.ts";
import { TranslationCacheMetrics } from "./translation-cache-metrics.ts";

/** Buckets of the released server are among these; finer ones stand between. */
const fragmentSeconds = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 32];
const stageSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16];
const translationSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4];
const milliseconds = [10, 25, 50, 100, 250, 500, 1000, 2000, 4000, 8000, 16_000];

const aliasStage = { asr: "asr", translation: "mt", tts: "tts" } as const;

/** What a GPU's driver says; undefined where there is none. */
export interface GpuLoad {
  readonly utilizationPercent: number;
  readonly memoryUsedBytes: number;
}

/** Codes of simulated errors are free text: no more than this many become series of a stream. */
const mostFailuresOfAStream = 50;

/** Every series of the sidecar (contract 5.1, with the aliases of the older specification). */
export class SidecarMetrics implements SessionObserver, ClauseObserver {
  readonly registry = new Registry();
  readonly translationCache = new TranslationCacheMetrics(this.registry);
  readonly children = new ChildMetrics(this.registry);
  #gpu: GpuLoad | undefined;
  #modelLoadSeconds: number | undefined;
  readonly #streams = new Set<string>();
  /** Stage and code of each stream's failures, so that their series can be dropped. */
  readonly #failures = new Map<string, Map<string, { stage: string; error_code: string }>>();

  readonly #processing = this.#histogram(
    "sts_fragment_processing_seconds",
    "Time from receipt of a fragment to its answer",
    fragmentSeconds,
    ["status", "stream_id"],
  );
  readonly #asr = this.#histogram("sts_asr_duration_seconds", "Recognition", stageSeconds);
  readonly #tts = this.#histogram("sts_tts_duration_seconds", "Synthesis", stageSeconds);
  readonly #translation = this.#histogram(
    "sts_translation_duration_seconds",
    "Translation",
    translationSeconds,
  );
  readonly #inFlight = this.#gauge("sts_fragments_in_flight", "Accepted and not yet answered", [
    "stream_id",
  ]);
  readonly #errors = this.#counter("sts_fragment_errors_total", "Fragments that failed", [
    "stream_id",
    "stage",
    "error_code",
  ]);
  readonly #sessions = this.#gauge("sts_sessions_active", "Sessions");
  readonly #connections = this.#counter("ws_connections_total", "Connections", ["status"]);
  readonly #wsProcessed = this.#counter("ws_fragments_processed_total", "Fragments answered", [
    "stream_id",
    "status",
  ]);
  readonly #wsErrors = this.#counter("ws_errors_total", "Errors told to clients", [
    "error_code",
    "stream_id",
  ]);
  readonly #wsConnections = this.#gauge("ws_active_connections", "Connections");
  readonly #wsStreams = this.#gauge("ws_active_streams", "Sessions");
  readonly #wsQueue = this.#gauge("ws_queue_depth", "Fragments that wait for the engine", [
    "stream_id",
  ]);
  readonly #wsProcessing = this.#histogram(
    "ws_fragment_processing_ms",
    "Time of each stage",
    milliseconds,
    ["stage"],
  );
  readonly #wsWait = this.#histogram(
    "ws_queue_wait_time_ms",
    "Time a fragment waited for the engine",
    milliseconds,
    ["stream_id"],
  );
  readonly #clauses = this.#counter(
    "sts_clauses_total",
    "Clauses told of: dubbed, announced late, dropped (by reason)",
    ["stream_id", "status", "reason"],
  );
  readonly #clauseSeries = new Map<string, Map<string, { status: string; reason: string }>>();
  readonly #tempo = this.#histogram(
    "sts_clause_tempo_ratio",
    "Tempo of dubbed clauses, 1 = natural",
    [0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3],
  );
  readonly #lateness = this.#histogram(
    "sts_clause_late_seconds",
    "How late a clause's dub starts against its source",
    [0, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5],
  );
  readonly #decoded = this.#counter(
    "sts_decoded_audio_seconds_total",
    "Sound that passes of the recogniser were given",
    ["kind"],
  );
  readonly #refused = this.#counter(
    "sts_hypotheses_refused_total",
    "Reasons not to believe a pass of the recogniser",
    ["reason"],
  );
  readonly #missed = this.#counter(
    "sts_fragments_missed_total",
    "Held fragments whose words missed their time",
    ["stream_id"],
  );
  readonly #shed = this.#counter(
    "sts_work_shed_total",
    "Work given up under load, by what it was worth",
    ["worth", "reason"],
  );
  readonly #artefacts = this.#counter(
    "sts_artifacts_total",
    "Fragments whose files were written, dropped because writing is slower than dubbing, or failed",
    ["result"],
  );
  readonly #wsBatch = this.#histogram("ws_batch_size", "Fragments in one run", [1, 2, 4, 8]);

  constructor() {
    const utilization = () => this.#gpu?.utilizationPercent;
    const absent = "; absent without a GPU";
    this.#gaugeOf("sts_gpu_utilization_percent", `Load of the GPU${absent}`, utilization);
    this.#gaugeOf("ws_gpu_utilization_percent", `Load of the GPU${absent}`, utilization);
    this.#gaugeOf(
      "sts_gpu_memory_used_bytes",
      `Memory in use on the GPU${absent}`,
      () => this.#gpu?.memoryUsedBytes,
    );
    this.#gaugeOf(
      "sts_model_load_seconds",
      "Time from start to warm, the self-test included; absent before",
      () => this.#modelLoadSeconds,
    );
  }

  sessionOpened(streamId: string): void {
    this.#streams.add(streamId);
    this.#sessions.inc();
    this.#wsStreams.inc();
    this.inFlight(streamId, 0, 0);
  }

  sessionClosed(streamId: string): void {
    this.#streams.delete(streamId);
    this.#sessions.dec();
    this.#wsStreams.dec();
    this.#dropSeriesOf(streamId);
  }

  inFlight(streamId: string, inFlight: number, waiting: number): void {
    this.#inFlight.set({ stream_id: streamId }, inFlight);
    this.#wsQueue.set({ stream_id: streamId }, waiting);
  }

  fragmentAnswered(fragment: Parameters<SessionObserver["fragmentAnswered"]>[0]): void {
    const { streamId, status, processingTimeMs, error } = fragment;
    const labels = { status, stream_id: streamId };
    this.#processing.observe(labels, processingTimeMs / 1000);
    this.#wsProcessed.inc(labels);
    this.#wsProcessing.observe({ stage: "total" }, processingTimeMs);
    this.#wsBatch.observe(1);
    if (error === undefined) return;
    const failure = this.#failureOf(streamId, error);
    this.#errors.inc({ stream_id: streamId, ...failure });
    this.#wsErrors.inc({ stream_id: streamId, error_code: failure.error_code });
  }

  /** A request answered by `error`; outside a session the label stays empty. */
  requestRefused(streamId: string | undefined, code: string): void {
    if (streamId !== undefined) this.#failureOf(streamId, { stage: "", code });
    this.#wsErrors.inc({ stream_id: streamId ?? "", error_code: code });
  }

  /** A fragment has begun; one-shot requests belong to no stream and are left out. */
  queueWaited(streamId: string, waitedMs: number): void {
    if (this.#streams.has(streamId)) this.#wsWait.observe({ stream_id: streamId }, waitedMs);
  }

  gpuUtilization(): number | undefined {
    return this.#gpu?.utilizationPercent;
  }

  setGpuLoad(load: GpuLoad | undefined): void {
    this.#gpu = load;
  }

  stageRan(stage: StsStage, durationMs: number): void {
    const histogram = { asr: this.#asr, translation: this.#translation, tts: this.#tts }[stage];
    histogram.observe(durationMs / 1000);
    this.#wsProcessing.observe({ stage: aliasStage[stage] }, durationMs);
  }

  decoded(_streamId: string, kind: "partial" | "final", audioMs: number, tookMs: number): void {
    this.#decoded.inc({ kind }, audioMs / 1000);
    this.stageRan("asr", tookMs);
  }

  refused(_streamId: string, reason: RefusalReason): void {
    this.#refused.inc({ reason });
  }

  missed(streamId: string): void {
    this.#missed.inc({ stream_id: streamId });
  }

  clauseTold(streamId: string, { status, reason = "", slot }: ClauseNotice): void {
    const labels = { status, reason };
    const series = this.#clauseSeries.get(streamId) ?? new Map<string, typeof labels>();
    this.#clauseSeries.set(streamId, series.set(`${status} ${reason}`, labels));
    this.#clauses.inc({ stream_id: streamId, ...labels });
    if (slot === undefined) return;
    this.#tempo.observe(slot.tempo);
    this.#lateness.observe(slot.lateMs / 1000);
  }

  workShed(worth: Worth, reason: ShedReason): void {
    this.#shed.inc({ worth, reason });
  }

  artefactSettled(result: "written" | "dropped" | "failed"): void {
    this.#artefacts.inc({ result });
  }

  connectionOpened(): void {
    this.#connections.inc({ status: "accepted" });
    this.#wsConnections.inc();
  }

  connectionRefused(): void {
    this.#connections.inc({ status: "rejected" });
  }

  connectionClosed(): void {
    this.#wsConnections.dec();
  }

  modelsLoaded(seconds: number): void {
    this.#modelLoadSeconds = seconds;
  }

  /** The whole page, Prometheus text 0.0.4. */
  async page(): Promise<string> {
    return this.registry.metrics();
  }

  #failureOf(streamId: string, error: { readonly stage: string; readonly code: string }) {
    const failures = this.#failures.get(streamId) ?? new Map<string, never>();
    const full = failures.size >= mostFailuresOfAStream;
    const key = `${error.stage} ${error.code}`;
    const failure = failures.get(key) ?? {
      stage: error.stage,
      error_code: full ? "OTHER" : error.code,
    };
    failures.set(full ? `${error.stage} OTHER` : key, failure);
    this.#failures.set(streamId, failures);
    return failure;
  }

  #dropSeriesOf(streamId: string): void {
    const stream = { stream_id: streamId };
    for (const status of ["success", "partial", "failed"]) {
      this.#processing.remove({ ...stream, status });
      this.#wsProcessed.remove({ ...stream, status });
    }
    for (const failure of this.#failures.get(streamId)?.values() ?? []) {
      this.#errors.remove({ ...stream, ...failure });
      this.#wsErrors.remove({ ...stream, error_code: failure.error_code });
    }
    this.#failures.delete(streamId);
    for (const labels of this.#clauseSeries.get(streamId)?.values() ?? [])
      this.#clauses.remove({ ...stream, ...labels });
    this.#clauseSeries.delete(streamId);
    for (const metric of [this.#inFlight, this.#wsQueue, this.#wsWait, this.#missed])
      metric.remove(stream);
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]) {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  /** A gauge that has no sample while nothing was measured. */
  #gaugeOf(name: string, help: string, read: () => number | undefined): void {
    const gauge = new Gauge({
      name,
      help,
      registers: [],
      collect() {
        const value = read();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
    this.registry.registerMetric(gauge);
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly Label[] = [],
  ) {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.registry] });
  }
}
