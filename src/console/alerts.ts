import type { ApplianceView } from "../orchestrator/appliance-view.ts";

export type StreamRow = ApplianceView["streams"][number];

/** Something that a person should know now; `bad` costs viewers something, `warn` may soon. */
export interface Alert {
  readonly level: "warn" | "bad";
  readonly text: string;
  /** Nobody may miss it: what is on air is not what it seems. */
  readonly loud?: boolean;
}

/** Engines that do not dub: what they answer is for tests of the way, not for an audience. */
const testEngines = new Set(["echo", "tone"]);

/** A/V error beyond which lips are seen to be off (contract 5.2: warn > 80, critical > 120). */
const avWarnMs = 80;
const avBadMs = 120;

/** What is not as it should be with one stream, worst first. */
export function streamAlerts(stream: StreamRow): Alert[] {
  const alerts = [...engineAlerts(stream), ...mediaAlerts(stream), ...egressAlerts(stream)];
  return alerts.toSorted((a, b) => (a.level === b.level ? 0 : a.level === "bad" ? -1 : 1));
}

function engineAlerts({ worker, fallback }: StreamRow): Alert[] {
  const alerts: Alert[] = [];
  const { status } = worker;
  if (worker.pid === null)
    return [{ level: "bad", text: `no worker runs: nothing is dubbed, ${fallback} plays` }];
  if (status === null) return [{ level: "warn", text: "the worker starts" }];
  const { engine, state, lastError } = status.sts;
  if (engine !== null && testEngines.has(engine))
    alerts.push({
      level: "bad",
      loud: true,
      text: `${engine.toUpperCase()} ENGINE: a test engine answers, nothing is translated`,
    });
  const why = lastError === null ? "" : `: ${lastError}`;
  if (state === "disconnected" || state === "connecting")
    alerts.push({ level: "bad", text: `no sidecar in reach, ${fallback} plays${why}` });
  if (state === "refused")
    alerts.push({ level: "bad", text: `the sidecar refuses this stream, ${fallback} plays${why}` });
  if (state === "off") alerts.push({ level: "warn", text: "passthrough: dubbing is switched off" });
  if (state === "paused") alerts.push({ level: "warn", text: "the sidecar asked for a pause" });
  if (status.breaker !== "closed")
    alerts.push({
      level: status.breaker === "open" ? "bad" : "warn",
      text: `circuit breaker ${status.breaker}: ${fallback} plays${why}`,
    });
  return alerts;
}

function mediaAlerts({ state, relay, worker }: StreamRow): Alert[] {
  const alerts: Alert[] = [];
  if (state === "degraded")
    alerts.push({ level: "bad", text: "a process of this stream dies again and again" });
  if (state === "grace") alerts.push({ level: "bad", text: "the publisher is away" });
  const restarts = relay.restarts + worker.restarts;
  if (restarts > 0)
    alerts.push({
      level: "warn",
      text: `replaced in this session: relay ${relay.restarts}×, worker ${worker.restarts}×`,
    });
  const { status } = relay;
  if (status === null) return alerts;
  if (!status.workerConnected && worker.pid !== null && state === "running")
    alerts.push({ level: "warn", text: "the worker is not connected to the relay" });
  const delta = Math.abs(status.avDeltaMs ?? 0);
  if (delta > avWarnMs)
    alerts.push({
      level: delta > avBadMs ? "bad" : "warn",
      text: `sound and picture are ${Math.round(delta)} ms apart`,
    });
  return alerts;
}

function egressAlerts({ egress }: StreamRow): Alert[] {
  return egress.flatMap(({ destination, state, lastError }): Alert[] => {
    const why = lastError === null ? "" : ` (${lastError.kind}: ${lastError.message})`;
    if (state === "failed")
      return [{ level: "bad", text: `${destination}: given up, its configuration is wrong${why}` }];
    const fails = lastError !== null && !["forwarding", "stopped"].includes(state);
    if (fails || state === "cooldown" || state === "retrying")
      return [{ level: "bad", text: `${destination}: nothing arrives, ${state}${why}` }];
    return [];
  });
}

/** What is not as it should be with the appliance itself. */
export function applianceAlerts(view: ApplianceView): Alert[] {
  const alerts: Alert[] = [];
  if (!view.mediaServer.reachable)
    alerts.push({ level: "bad", text: "the media server does not answer" });
  if (view.mediaServer.restarts > 0)
    alerts.push({
      level: "warn",
      text: `the media server was restarted ${view.mediaServer.restarts}×`,
    });
  for (const { url, state, engine, detail } of view.sidecars) {
    const why = detail === null ? "" : `: ${detail}`;
    if (engine !== null && testEngines.has(engine))
      alerts.push({ level: "bad", text: `${url} is an ${engine} sidecar: it does not dub` });
    if (state === "unreachable")
      alerts.push({ level: "bad", text: `sidecar ${url} cannot be reached${why}` });
    if (state === "starting") alerts.push({ level: "warn", text: `sidecar ${url} is warming up` });
  }
  return alerts;
}
