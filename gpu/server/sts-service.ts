import type { SidecarConfig } from "../../src/config/sidecar-rules.ts";
import { livedubVersion } from "../../src/config/version.ts";
import type { Logger } from "../../src/telemetry/log.ts";
import { ArtefactStore } from "../artefacts/artefact-store.ts";
import { KeepingProcessor } from "../artefacts/keeping-processor.ts";
import { FfmpegCodec } from "../codec/ffmpeg-codec.ts";
import { findFfmpeg } from "../codec/ffmpeg-program.ts";
import { FragmentCodec } from "../codec/fragment-codec.ts";
import type { DubEngine } from "../inference/engine.ts";
import type { EngineStages } from "../inference/stages.ts";
import type { ClauseParts } from "../session/clause-parts.ts";
import { EchoProcessor } from "../session/echo-processor.ts";
import { EngineProcessor } from "../session/engine-processor.ts";
import { FragmentFailure, type FragmentProcessor } from "../session/fragment-processor.ts";
import { EchoLoadPolicy, RealLoadPolicy, silentLoadPolicy } from "../session/load-policy.ts";
import { SessionRegistry } from "../session/session-registry.ts";
import { StageCosts } from "../session/stage-costs.ts";
import { WorkScheduler } from "../session/work-scheduler.ts";
import { Access } from "./access.ts";
import { createConfiguredEngine, type EngineModels } from "./configured-engine.ts";
import { GpuMonitor } from "./gpu-monitor.ts";
import { SidecarMetrics } from "./metrics.ts";
import type { Readiness, Sidecar } from "./sidecar.ts";
import { SidecarServer } from "./sidecar-server.ts";

/** Fragments in flight are given this long when the server is asked to go, and then their files. */
const finishWithinMs = 8000;
/** By the protocol, before `stream:init` and after `stream:complete`. */
const idleLimitMs = 60_000;

export interface StsServiceOptions {
  readonly config: SidecarConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** Folder of the weights and named voices; not needed in echo mode, or with an engine. */
  readonly models?: EngineModels | undefined;
  /** Another engine than that of the local models. */
  readonly engine?: DubEngine;
  readonly idleLimitMs?: number;
  readonly finishWithinMs?: number;
}

/** The whole sidecar: engine, sessions and listeners, started and stopped in order. */
export class StsService implements AsyncDisposable {
  readonly sidecar: Sidecar;
  readonly #server: SidecarServer;
  readonly #gpu: GpuMonitor | undefined;
  readonly #artefacts: ArtefactStore | undefined;
  #state: Readiness = "starting";
  #closing: Promise<void> | undefined;

  constructor(private readonly options: StsServiceOptions) {
    const { config, env, logger } = options;
    const metrics = new SidecarMetrics();
    const codec = new FragmentCodec(new FfmpegCodec(() => findFfmpeg(env)));
    const isEcho = config.mode === "echo";
    const engine = isEcho ? undefined : (options.engine ?? this.#createEngine(metrics));
    const echo = isEcho ? new EchoProcessor(config.echoDelayMs, codec) : undefined;
    const thresholds = {
      low: config.thresholdLow,
      medium: config.thresholdMedium,
      high: config.thresholdHigh,
      critical: config.thresholdCritical,
    };
    const echoPolicy = config.backpressureEnabled
      ? new EchoLoadPolicy(thresholds)
      : silentLoadPolicy;
    const processor =
      engine === undefined
        ? echo
        : new EngineProcessor({
            engine,
            codec,
            places: config.maxWorkers,
            emptyTranslation: config.fallbackMode,
            varianceSuccessMax: config.varianceSuccessMax,
            variancePartialMax: config.variancePartialMax,
            onWaited: (streamId, waitedMs) => metrics.queueWaited(streamId, waitedMs),
          });
    if (processor === undefined) throw new Error("a sidecar needs an engine or an echo");
    const artefacts = config.artifactLogging ? this.#artefactStore(codec, metrics) : undefined;
    const kept = (inner: FragmentProcessor) =>
      artefacts ? new KeepingProcessor(inner, (fragment) => artefacts.keep(fragment)) : inner;
    this.#artefacts = artefacts;
    this.sidecar = {
      config,
      version: livedubVersion,
      access: new Access(config.apiKey),
      metrics,
      logger,
      registry: new SessionRegistry(isEcho ? undefined : config.maxConcurrentStreams),
      processor: kept(processor),
      kept,
      clauses: engine?.stages && this.#clauseParts(engine, engine.stages, codec, metrics),
      policy: isEcho ? echoPolicy : new RealLoadPolicy(thresholds),
      engine,
      echo,
      readiness: () => this.readiness,
      idleLimitMs: options.idleLimitMs ?? idleLimitMs,
    };
    this.#server = new SidecarServer(this.sidecar);
    if (engine?.gpuAvailable === true)
      this.#gpu = new GpuMonitor(config.gpuMonitoringIntervalS, (load) => metrics.setGpuLoad(load));
  }

  get readiness(): Readiness {
    if (this.#state !== "ready") return this.#state;
    const health = this.sidecar.engine?.health().state ?? "ready";
    return health === "starting" ? "degraded" : health;
  }

  get port(): number {
    return this.#server.port;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Opens the listeners; sessions are refused, and health says `starting`, until {@link warm}. */
  listen(): void {
    this.#server.listen();
  }

  /** Loads the models and proves that they speak. @throws with what is missing, and the remedy */
  async warm(): Promise<void> {
    const startedAtMs = performance.now();
    try {
      await this.sidecar.engine?.start();
    } catch (error) {
      if (this.#state === "starting") this.#state = "failed";
      throw error;
    }
    await this.#measure();
    if (this.#state !== "starting") return;
    this.#state = "ready";
    if (this.sidecar.engine !== undefined)
      this.sidecar.metrics.modelsLoaded((performance.now() - startedAtMs) / 1000);
    this.#gpu?.start();
  }

  /**
   * Takes nothing new, lets what is in flight finish for a while, answers the rest as failed, then ends
   * the connections, the listeners and the models. Safe to call twice.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#state = "stopping";
    this.#gpu?.close();
    const sessions = this.sidecar.registry.sessions();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise(
      (resolve) => (timer = setTimeout(resolve, this.options.finishWithinMs ?? finishWithinMs)),
    );
    await Promise.race([Promise.all(sessions.map((session) => session.idle())), late]);
    clearTimeout(timer);
    const failure = new FragmentFailure("TEMPORARY_UNAVAILABLE", "the sidecar is stopping", {
      stage: "asr",
      retryable: true,
    });
    for (const session of sessions) session.failInFlight(failure);
    await this.#server.close();
    await this.sidecar.engine?.close();
    await this.#artefacts?.close(this.options.finishWithinMs ?? finishWithinMs);
  }

  /** Sessions start from what the stages cost here; without the figures they learn from what is assumed. */
  async #measure(): Promise<void> {
    const { engine, clauses } = this.sidecar;
    const { logger } = this.options;
    if (clauses === undefined || this.#state !== "starting") return;
    try {
      const figures = await engine?.measure?.();
      if (figures === undefined) return;
      clauses.costs.seed(figures);
      logger.info({ figures }, "what the stages cost was measured");
    } catch (error) {
      if (this.#state === "starting")
        logger.warn({ err: error }, "what the stages cost could not be measured; it is assumed");
    }
  }

  #artefactStore(codec: FragmentCodec, metrics: SidecarMetrics): ArtefactStore {
    const { config, logger } = this.options;
    return new ArtefactStore({
      root: config.artifactsPath,
      retention: { hours: config.artifactRetentionHours, count: config.artifactMaxCount },
      toM4a: (audio, signal) => codec.toM4a(audio, signal),
      onSettled: (result) => metrics.artefactSettled(result),
      logger,
    });
  }

  #clauseParts(
    engine: DubEngine,
    stages: EngineStages,
    codec: FragmentCodec,
    metrics: SidecarMetrics,
  ): ClauseParts {
    const { logger, config } = this.options;
    const costs = new StageCosts();
    return {
      stages,
      models: () => engine.models,
      codec,
      scheduler: new WorkScheduler({
        onShed: (worth, reason) => {
          metrics.workShed(worth, reason);
          if (reason === "expired" || reason === "overload") costs.gaveUp();
        },
        onError: (error) => logger.error({ err: error }, "work of a session failed; our fault"),
      }),
      costs,
      observer: metrics,
      stageTimeouts: {
        asrMs: config.asrTimeoutMs,
        translationMs: config.translationTimeoutMs,
        ttsMs: config.ttsTimeoutMs,
      },
    };
  }

  #createEngine(metrics: SidecarMetrics): DubEngine {
    const { config, logger, models } = this.options;
    if (models === undefined) throw new Error("real mode needs a folder of weights");
    return createConfiguredEngine(config, models, logger, {
      onStage: (stage, durationMs) => metrics.stageRan(stage, durationMs),
      childObserver: metrics.children,
      onTranslationCache: (hit) => metrics.translationCache.lookedUp(hit),
    });
  }
}
