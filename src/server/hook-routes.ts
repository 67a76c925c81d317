import { zValidator } from "@hono/zod-validator";
import { Hono } from "hono";
import type { z } from "zod";
import { parseStreamPath } from "../mediamtx/stream-path.ts";
import { draftHookEvent, hookEvent, type HookEvent } from "../protocol/hooks.ts";

/** What the hooks are told to: hints that make us look at the path list. */
export interface HookSink {
  /** Why the stream may not begin; undefined when it may or runs. */
  mayBegin(streamId: string): { readonly code: string; readonly message: string } | undefined;
  /** Look now; nothing waits for it, a hook is answered at once. */
  hint(event: "ready" | "not-ready", streamId: string, query: string): void;
}

interface HookAnswer {
  readonly status: 200 | 429;
  readonly body: Record<string, string>;
}

/** MediaMTX's hooks by contract section 1, with the paths of the older draft. */
export function hookRoutes(sink: HookSink): Hono {
  const app = new Hono();
  const routes = [
    ["/v1/mediamtx/events/ready", "ready", hookEvent],
    ["/v1/mediamtx/events/not-ready", "not-ready", hookEvent],
    ["/hooks/mediamtx/on-ready", "ready", draftHookEvent],
    ["/hooks/mediamtx/on-not-ready", "not-ready", draftHookEvent],
  ] as const;
  for (const [path, event, schema] of routes) {
    const checked = zValidator("json", schema as typeof draftHookEvent, (result, context) => {
      if (!result.success)
        return context.json(invalidBody(result.error.issues, result.data as unknown), 422);
      return undefined;
    });
    app.post(path, checked, (context) => {
      const { status, body } = answer(event, context.req.valid("json"), sink);
      return context.json(body, status);
    });
  }
  return app;
}

function answer(event: "ready" | "not-ready", hook: HookEvent, sink: HookSink): HookAnswer {
  const path = parseStreamPath(hook.path);
  const stream_id = path?.streamId ?? "";
  const correlation_id = hook.correlation_id ?? crypto.randomUUID();
  if (path?.direction !== "in")
    return {
      status: 200,
      body: {
        status: "skipped",
        message: "Only input paths start and stop streams",
        stream_id,
        direction: "out",
        correlation_id,
      },
    };
  sink.hint(event, stream_id, hook.query ?? "");
  if (event === "not-ready")
    return {
      status: 200,
      body: {
        status: "worker_stopped",
        message: `Stream ${stream_id} is kept for the grace period`,
        stream_id,
        correlation_id,
      },
    };
  const refused = sink.mayBegin(stream_id);
  if (refused)
    return {
      status: 429,
      body: {
        status: "rejected",
        code: refused.code,
        message: refused.message,
        stream_id,
        correlation_id,
      },
    };
  return {
    status: 200,
    body: {
      status: "worker_started",
      message: `Stream ${stream_id} starts`,
      stream_id,
      correlation_id,
    },
  };
}

/** The body that FastAPI gives to what it cannot read: peers know it. */
function invalidBody(issues: readonly z.core.$ZodIssue[], given: unknown) {
  const known = typeof given === "object" && given !== null ? given : {};
  const correlationId = (known as Record<string, unknown>)["correlation_id"];
  return {
    detail: issues.map((issue) => ({
      type: issue.code,
      loc: ["body", ...issue.path],
      msg: issue.message,
    })),
    correlation_id: typeof correlationId === "string" ? correlationId : crypto.randomUUID(),
  };
}
