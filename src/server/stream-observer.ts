import type { ChildLedger } from "../orchestrator/child-ledger.ts";
import type { RegistryObserver } from "../orchestrator/stream-registry.ts";
import type { EdgeMetrics } from "../telemetry/metrics-edge.ts";

/** What the streams tell goes into the metrics, and their processes into the list on disk. */
export function streamObserver(metrics: EdgeMetrics, ledger: ChildLedger): RegistryObserver {
  return {
    childSpawned: (pid, name) => ledger.add(pid, name),
    childGone: (pid) => ledger.remove(pid),
    relayMeasured: ({ streamId, settings }, status) =>
      metrics.recordRelayStatus(streamId, status, settings.playoutDelayMs),
    workerMeasured: ({ streamId }, status) => metrics.recordWorkerStatus(streamId, status),
    fragmentSettled: ({ streamId }, report) => metrics.recordFragment(streamId, report),
    processEvent: ({ streamId }, source, event) => metrics.recordEvent(streamId, source, event),
    restarted: ({ streamId }, what) => metrics.recordRestart(streamId, what),
    ingested: ({ streamId }, { id, inboundBytes }) =>
      metrics.recordIngest(streamId, id, inboundBytes),
    sessionEnded: ({ streamId }) => metrics.endStream(streamId),
  };
}
