import { hostname } from "node:os";
import { stsErrorTable, type StsErrorCode } from "../protocol/sts-errors.ts";
import type { FragmentReport, RelayStatus, WorkerStatus } from "../protocol/supervisor.ts";
import { ClauseMetrics } from "./metrics-clauses.ts";
import {
  contractFamilies,
  egressFamilies,
  livedubFamilies,
  mediaServiceFamilies,
} from "./metrics-families.ts";
import { FragmentTallies, type FragmentTally } from "./metrics-fragments.ts";
import { StreamSeries } from "./metrics-series.ts";

/** What a forwarder measured: the fields of its snapshot that metrics need; counts since it was made. */
export interface EgressMeasurement {
  readonly streamId: string;
  readonly runId: string;
  readonly instanceId: string;
  readonly destination: string;
  readonly state: string;
  readonly pid: number | null;
  readonly restarts: number;
  readonly bytesOut: number;
  readonly retries: Readonly<Record<string, number>>;
  readonly connectLatencyMs: { readonly input: number | null; readonly output: number | null };
  readonly lastError: { readonly code: number } | null;
}

const breakerValue = { closed: 0, "half-open": 1, open: 2 } as const;
/** A block of the relay: 20 ms of stereo s16 at 48 kHz. */
const blockBytes = 960 * 2 * 2;
const answerStatus = ["success", "partial", "failed"] as const;

/** The edge's metrics: fed by what children report, read as Prometheus text (contract 5.2 and 6.4). */
export class EdgeMetrics {
  readonly #series: StreamSeries;
  readonly #media;
  readonly #contract;
  readonly #egress;
  readonly #own;
  readonly #clauses: ClauseMetrics;
  readonly #tallies = new FragmentTallies();
  /** When the process that reports now was first heard, by stream and process; for its uptime. */
  #workerSince = new Map<string, number>();
  #publishers = new Map<string, string>();

  /** @param now a monotonic clock in milliseconds */
  constructor(
    readonly version: string,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#series = new StreamSeries(now);
    this.#media = mediaServiceFamilies(this.#series);
    this.#contract = contractFamilies(this.#series);
    this.#egress = egressFamilies(this.#series);
    this.#own = livedubFamilies(this.#series);
    this.#clauses = new ClauseMetrics(this.#series);
    this.#media.info.set({ version, stream_id: "", host: hostname() }, 1);
  }

  readonly contentType = "text/plain; version=0.0.4; charset=utf-8";

  /** The whole page, in Prometheus' text format. */
  async text(): Promise<string> {
    this.#series.dropStale();
    return this.#series.registry.metrics();
  }

  /** How a stream's fragments have fared since it began. */
  fragments(streamId: string): FragmentTally {
    return this.#tallies.of(streamId);
  }

  /** @param playoutDelayMs the stream's D: what viewers see is that much behind, plus what is late */
  recordRelayStatus(streamId: string, status: RelayStatus, playoutDelayMs: number): void {
    const stream = { stream_id: streamId };
    const set = this.#series.set.bind(this.#series, streamId);
    set(this.#media.info, { version: this.version, ...stream, host: hostname() }, 1);
    set(this.#own.uptime, { ...stream, process: "relay" }, status.uptimeMs / 1000);
    set(this.#own.streamSeconds, stream, status.playedSamples / 48_000);
    set(this.#media.videoBuffer, stream, status.videoQueue);
    set(this.#media.audioBuffer, stream, status.audioQueue);
    const reads = status.state === "filling" || status.state === "live";
    set(this.#media.pipeline, { ...stream, pipeline: "input" }, reads ? 1 : 0);
    const writes = status.state === "live" || status.state === "gap";
    set(this.#media.pipeline, { ...stream, pipeline: "output" }, writes ? 1 : 0);
    if (status.avDeltaMs !== null) {
      set(this.#media.avDelta, stream, status.avDeltaMs);
      set(this.#contract.avDelta, stream, status.avDeltaMs);
    }
    if (status.lateMs !== null)
      set(this.#own.viewerLatency, stream, playoutDelayMs + status.lateMs);
    this.#countRelay(streamId, status.counters);
  }

  recordWorkerStatus(streamId: string, status: WorkerStatus): void {
    const stream = { stream_id: streamId };
    const set = this.#series.set.bind(this.#series, streamId);
    const since = this.#workerSince.get(streamId) ?? this.now();
    this.#workerSince.set(streamId, since);
    set(this.#own.uptime, { ...stream, process: "worker" }, (this.now() - since) / 1000);
    for (const gauge of [this.#media.inflight, this.#contract.inflight, this.#contract.wsInflight])
      set(gauge, stream, status.inflight);
    for (const gauge of [this.#media.breaker, this.#contract.breaker])
      set(gauge, stream, breakerValue[status.breaker]);
    const { state, engine, reconnects } = status.sts;
    const connected = state === "ready" || state === "paused";
    set(this.#contract.wsConnection, stream, connected ? 1 : 0);
    set(this.#contract.wsBackpressure, stream, state === "paused" ? 3 : 0);
    if (engine !== null) set(this.#own.engine, { ...stream, engine }, 1);
    const reconnections = { ...stream, reason: "lost" };
    const { wsReconnections } = this.#contract;
    this.#series.countTo(streamId, "worker", wsReconnections, reconnections, reconnects);
    this.#countWorker(streamId, status.counters);
    this.#clauses.countWorker(streamId, status.counters);
  }

  recordFragment(streamId: string, report: FragmentReport): void {
    const stream = { stream_id: streamId };
    const observe = this.#series.observe.bind(this.#series, streamId);
    const add = this.#series.add.bind(this.#series, streamId);
    this.#tallies.count(streamId, report);
    const { outcome, reason, roundTripMs, stageTimings, tempo } = report;
    add(this.#own.fragments, { ...stream, outcome });
    const fate = outcome === "fallback" ? "fallback" : "processed";
    add(this.#contract.audioFragments, { ...stream, status: fate });
    if (outcome === "fallback")
      add(this.#contract.fallbacks, { ...stream, reason: reason ?? "error" });
    observe(this.#media.vadDuration, stream, (report.endSample - report.startSample) / 48_000);
    if (tempo !== null) observe(this.#own.tempo, stream, tempo);
    if (roundTripMs !== null) {
      observe(this.#media.latency, stream, roundTripMs / 1000);
      observe(this.#contract.roundTrip, stream, roundTripMs);
      observe(this.#contract.wsRoundTrip, stream, roundTripMs);
    }
    if (stageTimings === null) return;
    const stages = {
      asr: stageTimings.asr_ms,
      mt: stageTimings.translation_ms,
      tts: stageTimings.tts_ms,
    };
    for (const [stage, ms] of Object.entries(stages))
      observe(this.#contract.wsStage, { ...stream, stage }, ms);
  }

  /** An `event` message of a relay or worker; what its counters already tell is not counted twice. */
  recordEvent(
    streamId: string,
    source: "relay" | "worker",
    event: { readonly level: string; readonly code: string },
  ): void {
    const isCounted = source === "relay" && /^(?:pull|push|input|unsupported)/.test(event.code);
    if (event.level !== "error" || isCounted) return;
    const type = event.code.endsWith("-failed") ? "startup_failure" : "run_loop";
    const errors = { stream_id: streamId, error_type: type };
    this.#series.add(streamId, this.#media.errors, errors);
  }

  /** A relay or worker died and is replaced. */
  recordRestart(streamId: string, process: "relay" | "worker"): void {
    const labels = { stream_id: streamId, process };
    this.#series.add(streamId, this.#own.restarts, labels);
    const errors = { stream_id: streamId, error_type: "run_loop" };
    this.#series.add(streamId, this.#media.errors, errors);
    this.#series.childReplaced(streamId, process);
    if (process === "worker") this.#workerSince.delete(streamId);
  }

  /** @param inboundBytes what MediaMTX counted of this publisher */
  recordIngest(streamId: string, sourceId: string, inboundBytes: number): void {
    if (this.#publishers.get(streamId) !== sourceId)
      this.#series.childReplaced(streamId, "publisher");
    this.#publishers.set(streamId, sourceId);
    const labels = { stream_id: streamId };
    this.#series.countTo(streamId, "publisher", this.#own.ingestBytes, labels, inboundBytes);
  }

  recordEgress(measured: EgressMeasurement): void {
    const { streamId, runId, instanceId, destination, connectLatencyMs } = measured;
    const run = { streamId, runId, destination };
    const set = this.#series.set.bind(this.#series, streamId);
    const child = `egress ${destination} ${runId}`;
    const countTo = this.#series.countTo.bind(this.#series, streamId, child);
    const { up, forwarding, connectLatency, lastError } = this.#egress;
    set(up, { ...run, instanceId }, measured.pid === null ? 0 : 1);
    set(forwarding, { ...run, instanceId }, measured.state === "forwarding" ? 1 : 0);
    set(lastError, run, measured.lastError?.code ?? 0);
    if (connectLatencyMs.input !== null)
      set(connectLatency, { ...run, stage: "rtsp" }, connectLatencyMs.input);
    if (connectLatencyMs.output !== null)
      set(connectLatency, { ...run, stage: "rtmp" }, connectLatencyMs.output);
    countTo(this.#egress.restarts, run, measured.restarts);
    countTo(this.#egress.bytesOut, run, measured.bytesOut);
    const total = { stream_id: streamId, destination };
    countTo(this.#own.egressBytes, total, measured.bytesOut);
    for (const [kind, count] of Object.entries(measured.retries))
      countTo(this.#egress.retries, { ...run, error_kind: kind }, count);
  }

  /** The stream has ended; its series stay for a last scrape, then go. */
  endStream(streamId: string): void {
    this.#workerSince.delete(streamId);
    this.#publishers.delete(streamId);
    this.#tallies.forget(streamId);
    const { pipeline, inflight } = this.#media;
    for (const name of ["input", "output"])
      this.#series.set(streamId, pipeline, { stream_id: streamId, pipeline: name }, 0);
    this.#series.set(streamId, inflight, { stream_id: streamId }, 0);
    this.#series.end(streamId);
  }

  #countWorker(streamId: string, counters: Readonly<Record<string, number>>): void {
    const stream = { stream_id: streamId };
    const countTo = this.#series.countTo.bind(this.#series, streamId, "worker");
    for (const [event, count] of Object.entries(counters)) {
      countTo(this.#own.workerCounts, { ...stream, event }, count);
      const action = /^backpressure_(\w+)$/.exec(event)?.[1];
      if (action !== undefined) countTo(this.#media.backpressure, { ...stream, action }, count);
      const code = /^errors_(sts_\w+)$/.exec(event)?.[1];
      if (code !== undefined) this.#countStsError(streamId, code, count);
    }
    const count = (name: string) => counters[name] ?? 0;
    countTo(this.#media.sent, stream, count("fragments_sent"));
    countTo(this.#contract.wsSent, stream, count("fragments_sent"));
    for (const status of answerStatus) {
      countTo(this.#media.processed, { ...stream, status }, count(`fragments_${status}`));
      countTo(this.#contract.wsReceived, { ...stream, status }, count(`fragments_${status}`));
    }
    const failures = counters["breaker_failures"] ?? count("timeouts") + count("fragments_failed");
    countTo(this.#media.breakerFailures, stream, failures);
    countTo(this.#media.breakerFallbacks, stream, count("breaker_fallbacks"));
    const { cut_at_pause: atPause, cut_at_limit: atLimit } = counters;
    if (atPause !== undefined) countTo(this.#media.vadSilences, stream, atPause);
    if (atLimit !== undefined) countTo(this.#media.vadForced, stream, atLimit);
  }

  #countStsError(streamId: string, type: string, count: number): void {
    const errors = { stream_id: streamId, error_type: type };
    this.#series.countTo(streamId, "worker", this.#media.errors, errors, count);
    const code = type.slice("sts_".length).toUpperCase();
    const meaning = Object.hasOwn(stsErrorTable, code) ? stsErrorTable[code as StsErrorCode] : null;
    const retryable = String(meaning?.retryable ?? "unknown");
    const labels = { stream_id: streamId, error_code: code, retryable };
    this.#series.countTo(streamId, "worker", this.#contract.wsErrors, labels, count);
  }

  /** What the contract's families say of a relay's counters, as far as it keeps them. */
  #countRelay(streamId: string, counters: Readonly<Record<string, number>>): void {
    const stream = { stream_id: streamId };
    const countTo = this.#series.countTo.bind(this.#series, streamId, "relay");
    const { relayCounts } = this.#own;
    for (const [event, count] of Object.entries(counters))
      countTo(relayCounts, { ...stream, event }, count);
    const { segments, segmentBytes, errors } = this.#media;
    const { packets, videoBytes, blocks, pullFailures, pushFailures } = counters;
    const video = { ...stream, type: "video" };
    const audio = { ...stream, type: "audio" };
    if (packets !== undefined) countTo(segments, video, packets);
    if (videoBytes !== undefined) countTo(segmentBytes, video, videoBytes);
    if (blocks !== undefined) {
      countTo(segments, audio, blocks);
      countTo(segmentBytes, audio, blocks * blockBytes);
    }
    const { mediaErrors } = this.#contract;
    if (pullFailures !== undefined) {
      countTo(errors, { ...stream, error_type: "video_processing" }, pullFailures);
      countTo(mediaErrors, { ...stream, error_type: "stream_error" }, pullFailures);
    }
    if (pushFailures !== undefined) {
      countTo(errors, { ...stream, error_type: "output" }, pushFailures);
      countTo(mediaErrors, { ...stream, error_type: "pipeline_error" }, pushFailures);
    }
  }
}
