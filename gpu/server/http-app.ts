import { Hono } from "hono";
import { cors } from "hono/cors";
import { stsHttpPaths } from "../../src/protocol/sts-http.ts";
import type { StageCosts } from "../session/stage-costs.ts";
import { processRoute } from "./process-route.ts";
import type { Sidecar } from "./sidecar.ts";

const serviceName = "livedub-sts";

/** The HTTP side of the sidecar: health, ping, metrics and the older one-shot API. */
export function httpApp(sidecar: Sidecar): Hono {
  const app = new Hono();
  app.use(cors({ origin: (origin) => origin, credentials: true }));
  app.get(stsHttpPaths.health, (context) => {
    const state = sidecar.readiness();
    if (state === "starting" || state === "failed" || state === "stopping")
      return context.json({ status: state, service: serviceName, mode: sidecar.config.mode }, 503);
    return context.json(health(sidecar, state));
  });
  app.get(stsHttpPaths.ping, (context) => {
    const state = sidecar.readiness();
    if (state === "ready" || state === "degraded") return context.text("pong");
    return context.body(null, state === "starting" ? 204 : 503);
  });
  app.get(stsHttpPaths.metrics, async (context) => {
    context.header("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return context.body(await sidecar.metrics.page());
  });
  app.route("/", processRoute(sidecar));
  app.notFound((context) => context.json({ error: "Not Found", path: context.req.path }, 404));
  return app;
}

function health(sidecar: Sidecar, state: "ready" | "degraded") {
  const { engine, clauses } = sidecar;
  const children = engine?.health().children.map(({ task, state: childState, restarts }) => ({
    task,
    state: childState,
    restarts,
  }));
  return {
    status: state === "ready" ? "healthy" : "degraded",
    service: serviceName,
    version: sidecar.version,
    mode: sidecar.config.mode,
    engine: engine === undefined ? "echo" : engine.mode,
    gpu_available: engine?.gpuAvailable ?? false,
    sessions: sidecar.registry.size,
    ...(engine && { pairs: engine.pairs(), models: engine.models, children }),
    ...(clauses && { costs: costs(clauses.costs) }),
  };
}

/** What the next calls of the stages are expected to cost. */
function costs({ passMs, translationMs, synthesisRtf }: StageCosts) {
  return {
    pass_ms: Math.round(passMs),
    translation_ms: Math.round(translationMs),
    synthesis_rtf: Math.round(1000 * synthesisRtf) / 1000,
  };
}
