import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { livedubVersion } from "../config/version.ts";
import type { AccessVerdict } from "../orchestrator/access-rules.ts";
import type { ApplianceView } from "../orchestrator/appliance-view.ts";
import type { AccessRequest } from "../protocol/hooks.ts";
import type { FallbackMode } from "../protocol/supervisor.ts";
import type { EdgeMetrics } from "../telemetry/metrics-edge.ts";
import { accessPath, accessRoute } from "./access-route.ts";
import { captionPaths, captionRoutes, type CaptionRoutesOptions } from "./caption-routes.ts";
import { hookSecretRequired, ownHostOnly, securityHeaders, tokenRequired } from "./guards.ts";
import { fallbackPath, fallbackRoute } from "./fallback-route.ts";
import { hookRoutes, type HookSink } from "./hook-routes.ts";

export interface AppOptions {
  /** Host names, besides loopback's, under which we may be asked; undefined: any (then a token is set). */
  readonly hostNames: ReadonlySet<string> | undefined;
  readonly apiToken: string | undefined;
  readonly hookSecret: string | undefined;
  /** With which MediaMTX asks; made anew at each start. */
  readonly accessSecret: string;
  readonly judge: (request: AccessRequest) => AccessVerdict;
  readonly hooks: HookSink;
  readonly captions: CaptionRoutesOptions;
  /** Undefined until encoders may publish. */
  readonly view: () => ApplianceView | undefined;
  /** Changes a running stream's fallback; false: no such stream. */
  readonly setFallback: (streamId: string, fallback: FallbackMode) => boolean;
  readonly statusPage: (view: ApplianceView) => string;
  readonly metrics: Pick<EdgeMetrics, "contentType" | "text">;
  readonly onError: (error: Error, path: string) => void;
}

/** Hooks and questions are a few hundred bytes; a query may be longer. */
const mostBodyBytes = 64 * 1024;
const getPaths = ["/", "/health", "/metrics", "/api/streams", "/api/streams/:id", ...captionPaths];
const postPaths = [
  "/v1/mediamtx/events/ready",
  "/v1/mediamtx/events/not-ready",
  "/hooks/mediamtx/on-ready",
  "/hooks/mediamtx/on-not-ready",
  accessPath,
];

/** The HTTP side of `livedub serve`: hooks, MediaMTX's questions, API, status page, health, metrics. */
export function createApp(options: AppOptions): Hono {
  const app = new Hono();
  app.use(securityHeaders);
  if (options.hostNames) app.use(ownHostOnly(options.hostNames));
  app.use(
    bodyLimit({
      maxSize: mostBodyBytes,
      onError: (context) => context.json({ detail: `at most ${mostBodyBytes} bytes` }, 413),
    }),
  );

  app.get("/health", (context) => context.json({ status: "ok", service: "media-service" }));
  app.use("/v1/mediamtx/*", hookSecretRequired(options.hookSecret));
  app.use("/hooks/*", hookSecretRequired(options.hookSecret));
  app.route("/", hookRoutes(options.hooks));
  app.route("/", accessRoute(options.accessSecret, options.judge));
  app.route("/", captionRoutes(options.captions));

  const token = tokenRequired(options.apiToken);
  app.get("/metrics", token, async (context) => {
    const text = await options.metrics.text();
    return context.body(text, 200, { "Content-Type": options.metrics.contentType });
  });
  app.get("/api/streams", token, (context) => {
    const view = options.view();
    return view ? context.json(view) : starting(context);
  });
  app.get("/api/streams/:id", token, (context) => {
    const view = options.view();
    if (view === undefined) return starting(context);
    const stream = view.streams.find((one) => one.streamId === context.req.param("id"));
    return stream ? context.json(stream) : context.json({ detail: "no such stream" }, 404);
  });
  app.use(fallbackPath, token);
  app.route("/", fallbackRoute(options.setFallback));
  app.get("/", (context, next) => (wantsPage(context) ? token(context, next) : next()));
  app.get("/", (context) => {
    const view = options.view();
    if (wantsPage(context))
      return view ? context.html(options.statusPage(view)) : starting(context);
    const status = view ? "running" : "starting";
    return context.json({ service: "stream-orchestration", version: livedubVersion, status });
  });

  for (const path of getPaths) app.all(path, (context) => notAllowed(context, "GET"));
  for (const path of postPaths) app.all(path, (context) => notAllowed(context, "POST"));
  app.all(fallbackPath, (context) => notAllowed(context, "PUT"));
  app.notFound((context) => context.json({ detail: "Not Found" }, 404));
  app.onError((error, context) => answerError(error, context, options));
  return app;
}

/** A browser names HTML; peers and scripts get the JSON of contract 1.4. */
function wantsPage(context: Context): boolean {
  if (context.req.query("format") === "json") return false;
  return (context.req.header("accept") ?? "").includes("text/html");
}

function starting(context: Context): Response {
  return context.json({ detail: "livedub is starting" }, 503, { "Retry-After": "1" });
}

function notAllowed(context: Context, method: string): Response {
  return context.json({ detail: "Method Not Allowed" }, 405, { Allow: method });
}

function answerError(error: Error, context: Context, options: AppOptions): Response {
  // The validator's own word for a body that is no JSON; the contract wants it like any other wrong body.
  if (error instanceof HTTPException && error.status === 400)
    return context.json(
      { detail: [{ type: "json_invalid", loc: ["body"], msg: "the body is not JSON" }] },
      422,
    );
  if (error instanceof HTTPException) return context.json({ detail: error.message }, error.status);
  options.onError(error, context.req.path);
  return context.json({ detail: "Internal server error" }, 500);
}
