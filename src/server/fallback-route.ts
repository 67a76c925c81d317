import { zValidator } from "@hono/zod-validator";
import { Hono } from "hono";
import { z } from "zod";
import { fallbackMode, type FallbackMode } from "../protocol/supervisor.ts";

/** `PUT`: what a running stream plays where no dub has come; the body is `{"fallback": "ducked"}`. */
export const fallbackPath = "/api/streams/:id/fallback";

const wanted = z.strictObject({ fallback: fallbackMode });

/**
 * Switches a running stream's fallback. A `PUT`, which no web page of another site may send.
 * @param setFallback false when there is no such stream
 */
export function fallbackRoute(
  setFallback: (streamId: string, fallback: FallbackMode) => boolean,
): Hono {
  const app = new Hono();
  const checked = zValidator("json", wanted, (result, context) => {
    if (result.success) return undefined;
    const detail = result.error.issues.map((issue) => ({
      type: issue.code,
      loc: ["body", ...issue.path],
      msg: issue.message,
    }));
    return context.json({ detail }, 422);
  });
  app.put(fallbackPath, checked, (context) => {
    const streamId = context.req.param("id");
    const { fallback } = context.req.valid("json");
    if (!setFallback(streamId, fallback)) return context.json({ detail: "no such stream" }, 404);
    return context.json({ stream_id: streamId, fallback });
  });
  return app;
}
