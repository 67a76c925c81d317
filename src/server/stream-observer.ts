import type { ChildLedger } from "../orchestrator/child-ledger.ts";
import type { RegistryObserver } from "../orchestrator/stream-registry.ts";
import type { EdgeMetrics } from "../telemetry/metrics-edge.ts";
import type { CaptionShelf } from "./caption-shelf.ts";

/** What the streams tell goes into the metrics and the captions, and their processes into the list on disk. */
export function streamObserver(
  metrics: EdgeMetrics,
  ledger: ChildLedger,
  captions: CaptionShelf,
): RegistryObserver {
  return {
    childSpawned: (pid, name) => ledger.add(pid, name),
    childGone: (pid) => ledger.remove(pid),
    relayMeasured: (session, status) => {
      metrics.recordRelayStatus(session.streamId, status, session.settings.playoutDelayMs);
      captions.relayMeasured(session, status);
    },
    workerMeasured: ({ streamId }, status) => metrics.recordWorkerStatus(streamId, status),
    fragmentSettled: ({ streamId }, report) => metrics.recordFragment(streamId, report),
    clauseSettled: (session, report) => captions.clauseSettled(session, report),
    processEvent: ({ streamId }, source, event) => metrics.recordEvent(streamId, source, event),
    restarted: ({ streamId }, what) => metrics.recordRestart(streamId, what),
    ingested: ({ streamId }, { id, inboundBytes }) =>
      metrics.recordIngest(streamId, id, inboundBytes),
    sessionEnded: (session) => {
      metrics.endStream(session.streamId);
      captions.sessionEnded(session);
    },
  };
}
