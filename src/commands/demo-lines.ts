import type { SidecarView } from "../orchestrator/appliance-view.ts";
import type { StreamView } from "../orchestrator/stream-view.ts";

/** `live  delay 6.0 s  A/V +1 ms  dubbed 3  fallback 0  playing dub` */
export function statusLine(stream: StreamView): string {
  const relay = stream.relay.status;
  const worker = stream.worker.status;
  const counters = worker?.counters ?? {};
  const dubbed = (counters["outcome_dubbed"] ?? 0) + (counters["outcome_partial"] ?? 0);
  const avDelta = relay?.avDeltaMs ?? null;
  const parts = [
    (relay?.state ?? stream.state).padEnd(7),
    `delay ${(stream.playoutDelayMs / 1000).toFixed(1)} s`,
    `A/V ${avDelta === null ? "-" : `${avDelta >= 0 ? "+" : ""}${avDelta.toFixed(0)} ms`}`,
    `dubbed ${dubbed}`,
    `fallback ${counters["outcome_fallback"] ?? 0}`,
    `playing ${relay?.playing ?? "none"}`,
  ];
  const engine = worker?.sts.engine;
  if (engine === "echo" || engine === "tone") parts.push(`ENGINE: ${engine}, not a real dub`);
  if (worker && worker.sts.state !== "ready") parts.push(`sidecar ${worker.sts.state}`);
  return parts.join("  ");
}

/** The last text in both languages, or undefined when nothing new was said. */
export function textLines(stream: StreamView, shown: string | undefined): string | undefined {
  const last = stream.worker.status?.lastText;
  if (!last || last.source === "") return undefined;
  const lines = `    ${stream.sourceLanguage}  ${last.source}\n    ${stream.targetLanguage}  ${last.translated}`;
  return lines === shown ? undefined : lines;
}

/** What is known of the sidecar while it warms up. */
export function sidecarLine(sidecar: SidecarView | undefined): string {
  if (!sidecar) return "sidecar: not there yet";
  const detail = sidecar.detail ? ` (${sidecar.detail})` : "";
  return `sidecar: ${sidecar.state}${detail}`;
}
