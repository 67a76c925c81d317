import { randomBytes } from "node:crypto";
import type { EdgeConfig } from "../config/edge-config.ts";
import { isLoopback } from "../config/edge-rules.ts";
import type { ApplianceView } from "../orchestrator/appliance-view.ts";
import { formatAddress, reachableFromHere } from "../mediamtx/listen-address.ts";
import { childEnvironment } from "../orchestrator/child-environment.ts";
import { ChildLedger } from "../orchestrator/child-ledger.ts";
import { OutputPaths } from "../orchestrator/output-paths.ts";
import { PathWatcher } from "../orchestrator/path-watcher.ts";
import {
  inStateDirectory,
  openSocketFolder,
  openStateDirectory,
} from "../orchestrator/state-dir.ts";
import { egressInputs, StreamEgress } from "../orchestrator/stream-egress.ts";
import { StreamRegistry } from "../orchestrator/stream-registry.ts";
import type { StreamSession } from "../orchestrator/stream-session.ts";
import type { StsMonitor } from "../orchestrator/sts-monitor.ts";
import type { Logger } from "../telemetry/log.ts";
import { EdgeMetrics } from "../telemetry/metrics-edge.ts";
import { livedubVersion } from "../config/version.ts";
import { createApp } from "./app.ts";
import { sweepBundlesDaily } from "./bundle-sweeper.ts";
import { viewersRule } from "./caption-access.ts";
import { CaptionShelf } from "./caption-shelf.ts";
import { fetchHlsIndex } from "./hls-index.ts";
import { applianceView } from "./appliance-snapshot.ts";
import { listenHttp } from "./http-listener.ts";
import { claimListeners, isExternal, type Listeners } from "./listeners.ts";
import { openMediaLink, rtmpBaseOf, type MediaLink } from "./media-link.ts";
import { commonSpecOf, policyOf } from "./registry-setup.ts";
import { openSidecars, watchSidecars, type Sidecars } from "./sidecars.ts";
import { streamObserver } from "./stream-observer.ts";

export interface ApplianceOptions {
  readonly config: EdgeConfig;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  readonly ffmpegPath: string;
  /** Our own MediaMTX; undefined with an external one. */
  readonly mediaMtxPath: string | undefined;
  /** Silero weights for the workers' gate; undefined: they send everything. */
  readonly vadModelPath: string | undefined;
  /** The net that separates beds; absent: dubs lie over the ducked original. */
  readonly separation: Parameters<typeof commonSpecOf>[1]["separation"];
  readonly statusPage: (view: ApplianceView) => string;
}

/** Everything that `livedub serve` runs, opened in order and closed in the opposite one. */
export class Appliance {
  readonly startedAt = new Date();
  readonly metrics = new EdgeMetrics(livedubVersion);
  #stack = new AsyncDisposableStack();
  #kills: (() => void)[] = [];
  #closing: Promise<void> | undefined;
  #captions: CaptionShelf;
  #isOpen = false;
  #seesPaths = false;
  #listeners!: Listeners;
  #httpPort = 0;
  #sidecars: Sidecars | undefined;
  #registry!: StreamRegistry;
  #monitor!: StsMonitor;
  #media: MediaLink | undefined;
  #controlSecret = randomBytes(24).toString("base64url");
  #watcher: PathWatcher | undefined;

  private constructor(readonly options: ApplianceOptions) {
    const hlsBase = () => `http://${formatAddress(reachableFromHere(this.#listeners.hls))}`;
    this.#captions = new CaptionShelf(hlsBase, options.log, options.config.values);
  }

  /**
   * Opens the appliance; resolves when encoders may publish.
   * @throws whatever cannot be had, with everything already opened closed again
   */
  static async open(options: ApplianceOptions): Promise<Appliance> {
    const appliance = new Appliance(options);
    try {
      await appliance.#open();
      return appliance;
    } catch (error) {
      await appliance.close();
      throw error;
    }
  }

  get listeners(): Listeners {
    return this.#listeners;
  }

  /** Where the status page, API and hooks are. */
  get httpAddress() {
    return { host: this.options.config.values.httpAddress.host, port: this.#httpPort };
  }

  get view(): ApplianceView {
    return applianceView({
      startedAt: this.startedAt,
      registry: this.#registry,
      monitor: this.#monitor,
      listeners: this.#listeners,
      metrics: this.metrics,
      keyNeeded: this.options.config.values.publishKeys !== undefined,
      mediaServer: { restarts: this.#media?.restarts ?? 0, reachable: this.#seesPaths },
    });
  }

  /** Ends everything in order; each step is bounded. Safe to call twice. */
  close(): Promise<void> {
    this.#sidecars?.expectEnd();
    this.#closing ??= this.#stack.disposeAsync();
    return this.#closing;
  }

  /** Ends every child at once, without asking. */
  kill(): void {
    for (const kill of this.#kills) kill();
  }

  async #open(): Promise<void> {
    const { config, log } = this.options;
    const { values } = config;
    const stateDir = openStateDirectory(values.stateDir);
    const ledger = inStateDirectory(stateDir, () => new ChildLedger(stateDir));
    inStateDirectory(stateDir, () => ledger.claim());
    this.#stack.defer(() => ledger.release());
    const reaped = await ledger.reap();
    if (reaped.length > 0)
      log.warn({ event: "leftovers", reaped }, "ended what an earlier serve left behind");
    const sockets = inStateDirectory(stateDir, () => openSocketFolder(stateDir));
    this.#stack.defer(() => sockets.close());

    this.#listeners = claimListeners(values);
    const sidecars = this.#openSidecars(ledger);
    this.#registry = this.#createRegistry(sockets.path, ledger, sidecars);
    const accessSecret = randomBytes(24).toString("base64url");
    this.#listenHttp(accessSecret);
    await this.#openMediaLink(stateDir, ledger, accessSecret);
    this.#stack.defer(() => this.#registry.close());
    this.#kills.push(() => this.#registry.kill());
    this.#stack.defer(sweepBundlesDaily(values, log));
    this.#watcher?.start();
    this.#stack.defer(() => this.#watcher?.close());
    this.#isOpen = true;
  }

  #openSidecars(ledger: ChildLedger): Sidecars {
    const { config, environment, log } = this.options;
    const sidecars = openSidecars({
      values: config.values,
      environment: { ...environment, FFMPEG_BIN: this.options.ffmpegPath },
      log,
      ledger,
    });
    this.#sidecars = sidecars;
    this.#stack.defer(() => sidecars.close());
    this.#kills.push(() => sidecars.kill());
    this.#monitor = watchSidecars(sidecars, config.values.stsProtocol, log);
    if (config.values.stsMode === "enabled") this.#monitor.start();
    this.#stack.defer(() => this.#monitor.close());
    return sidecars;
  }

  #createRegistry(socketFolder: string, ledger: ChildLedger, sidecars: Sidecars): StreamRegistry {
    const { config, log } = this.options;
    const { values } = config;
    return new StreamRegistry({
      log,
      config,
      access: {
        publishKeys: values.publishKeys,
        hlsIsPublic: !isLoopback(values.hlsAddress.host),
      },
      controlSecret: this.#controlSecret,
      policy: policyOf(values),
      common: commonSpecOf(values, {
        ffmpegPath: this.options.ffmpegPath,
        vadModelPath: this.options.vadModelPath,
        separation: this.options.separation,
        socketFolder,
        keepsOutputs: !isExternal(values),
        environment: this.#childEnvironment(),
      }),
      startWithinMs: values.readyTimeoutMs,
      maxStreams: values.maxWorkers,
      judgesPublishers: !isExternal(values),
      overridesPublishers: values.overridePublisher,
      outputs: new OutputPaths({ api: () => this.#media?.api, log }),
      expectNews: () => this.#watcher?.expectNews(),
      kick: (publisher) => void this.#kick(publisher),
      rtmpBase: rtmpBaseOf(config.values, this.#listeners),
      endpoints: () => sidecars.endpoints,
      unsupported: (source, target) =>
        values.stsMode === "enabled" ? this.#monitor.unsupported(source, target) : undefined,
      createEgress: (session) => this.#createEgress(session, ledger),
      observer: streamObserver(this.metrics, ledger, this.#captions),
    });
  }

  #createEgress(session: StreamSession, ledger: ChildLedger): StreamEgress {
    const { config, log, ffmpegPath } = this.options;
    const base = config.values.egressInputBaseUrl ?? rtmpBaseOf(config.values, this.#listeners);
    return new StreamEgress({
      streamId: session.streamId,
      runId: session.runId,
      destinations: session.settings.egress,
      inputUrl: egressInputs(base, session),
      ffmpegPath,
      settings: config.values,
      environment: this.#childEnvironment(),
      logger: log,
      onState: (snapshot) => this.metrics.recordEgress(snapshot),
      childSpawned: (pid, name) => ledger.add(pid, name),
      childGone: (pid) => ledger.remove(pid),
    });
  }

  #listenHttp(accessSecret: string): void {
    const { config, log, statusPage } = this.options;
    const { values } = config;
    const app = createApp({
      hostNames: ownHostNames(values),
      apiToken: values.apiToken,
      hookSecret: values.hookSecret,
      accessSecret,
      judge: (request) => {
        const verdict = this.#registry.judge(request);
        if (verdict.allow && verdict.publish) this.#watcher?.expectNews();
        return verdict;
      },
      hooks: {
        mayBegin: (streamId) => this.#registry.mayBegin(streamId),
        hint: (event, streamId, query) => {
          if (event === "ready") this.#registry.noteQuery(streamId, query);
          void this.#watcher?.look();
        },
      },
      captions: {
        apiToken: values.apiToken,
        mayWatch: viewersRule(values),
        stream: (streamId) => this.#captions.stream(streamId),
        hlsIndex: (output, viewer) => fetchHlsIndex(this.#listeners.hls, output, viewer),
      },
      view: () => (this.#isOpen ? this.view : undefined),
      setFallback: (streamId, fallback) => {
        const session = this.#registry.session(streamId);
        session?.setFallback(fallback);
        return session !== undefined;
      },
      statusPage,
      metrics: this.metrics,
      onError: (error, path) => log.error({ event: "http.error", path }, error.message),
    });
    const http = listenHttp(values.httpAddress, app);
    this.#httpPort = http.port;
    this.#stack.defer(() => http.close());
  }

  async #openMediaLink(stateDir: string, ledger: ChildLedger, accessSecret: string): Promise<void> {
    const { config, log, mediaMtxPath } = this.options;
    const link = await openMediaLink({
      values: config.values,
      listeners: this.#listeners,
      http: this.httpAddress,
      accessSecret,
      controlSecret: this.#controlSecret,
      mediaMtxPath,
      stateDir,
      ledger,
      log,
      onUp: () => void this.#watcher?.look(),
    });
    this.#media = link;
    this.#stack.defer(() => link.close());
    this.#kills.push(() => link.kill());
    this.#watcher = new PathWatcher({
      api: link.api,
      isWatchful: () => this.#registry.sessions.some(({ outAvailable }) => outAvailable),
      onPaths: (paths) => {
        this.#seesPaths = true;
        this.#registry.observe(paths);
      },
      onBlind: (problem) => {
        if (this.#seesPaths) log.warn({ event: "mediamtx.blind" }, problem);
        this.#seesPaths = false;
      },
    });
  }

  /** Ends a connection that holds its path and sends nothing. */
  async #kick(publisher: Readonly<{ type: string; id: string }>): Promise<void> {
    try {
      await this.#media?.api.kick(publisher);
    } catch (error) {
      this.options.log.warn({ event: "mediamtx.kick-failed" }, (error as Error).message);
    }
  }

  #childEnvironment(): Record<string, string> {
    return {
      ...childEnvironment(this.options.environment),
      FFMPEG_BIN: this.options.ffmpegPath,
    };
  }
}

/** On loopback only our own names are answered; elsewhere the token stands guard and any name may be ours. */
function ownHostNames(values: EdgeConfig["values"]): ReadonlySet<string> | undefined {
  const { host } = values.httpAddress;
  if (!isLoopback(host)) return undefined;
  const hookHost = values.hookBaseUrl === undefined ? [] : [new URL(values.hookBaseUrl).hostname];
  return new Set([host, ...hookHost]);
}
