import { livedubVersion } from "../config/version.ts";
import { formatAddress, outwardHost, type ListenAddress } from "../mediamtx/listen-address.ts";
import { inputPath } from "../mediamtx/stream-path.ts";
import type { ApplianceView, SidecarView } from "../orchestrator/appliance-view.ts";
import type { StreamRegistry } from "../orchestrator/stream-registry.ts";
import { snapshotOf, type WatchBases } from "../orchestrator/stream-snapshot.ts";
import type { StsEndpointHealth, StsMonitor } from "../orchestrator/sts-monitor.ts";
import type { EdgeMetrics } from "../telemetry/metrics-edge.ts";
import type { Listeners } from "./listeners.ts";

export interface SnapshotSources {
  readonly startedAt: Date;
  readonly registry: StreamRegistry;
  readonly monitor: StsMonitor;
  readonly listeners: Listeners;
  readonly metrics: EdgeMetrics;
  readonly keyNeeded: boolean;
  readonly mediaServer: ApplianceView["mediaServer"];
}

/** The whole appliance as API and status page show it, now. */
export function applianceView(sources: SnapshotSources): ApplianceView {
  const { registry, monitor, listeners } = sources;
  const bases = watchBases(listeners);
  return {
    version: livedubVersion,
    startedAt: sources.startedAt.toISOString(),
    publish: { url: `${bases.rtmp}/${inputPath("STREAM")}`, keyNeeded: sources.keyNeeded },
    mediaServer: sources.mediaServer,
    sidecars: monitor.latest.map(sidecarView),
    streams: registry.sessions.map((session) => ({
      ...snapshotOf(session, bases),
      fragments: sources.metrics.fragments(session.streamId),
    })),
    refusals: registry.refusals.list,
  };
}

/** Where encoders and viewers reach the media server: an address of this machine, not 0.0.0.0. */
export function watchBases(listeners: Pick<Listeners, "rtmp" | "hls">): WatchBases {
  const outward = (address: ListenAddress) =>
    formatAddress({ host: outwardHost(address), port: address.port });
  return { rtmp: `rtmp://${outward(listeners.rtmp)}`, hls: `http://${outward(listeners.hls)}` };
}

/** Where encoders may publish by other ways than RTMP, as far as these are wanted. */
export function furtherPublishUrls({ rtsp, srt, webrtc }: Listeners): Record<string, string> {
  const outward = (address: ListenAddress) =>
    formatAddress({ host: outwardHost(address), port: address.port });
  const path = inputPath("STREAM");
  return {
    ...(rtsp && { rtsp: `rtsp://${outward(rtsp)}/${path}` }),
    ...(srt && { srt: `srt://${outward(srt)}?streamid=publish:${path}` }),
    ...(webrtc && { whip: `http://${outward(webrtc)}/${path}/whip` }),
  };
}

function sidecarView({ endpoint, reading }: StsEndpointHealth): SidecarView {
  const ready = reading.kind === "ready";
  return {
    url: endpoint.shown,
    state: reading.kind,
    engine: ready ? (reading.engine ?? null) : null,
    pairs: ready ? (reading.health.pairs ?? []) : [],
    detail: ready ? null : reading.detail,
  };
}
