import { Hono } from "hono";
import { sameSecret } from "../orchestrator/access-rules.ts";
import type { AccessVerdict } from "../orchestrator/access-rules.ts";
import { accessRequest, type AccessRequest } from "../protocol/hooks.ts";

/** Where MediaMTX asks who may publish and read. */
export const accessPath = "/internal/mediamtx/auth";

/**
 * MediaMTX's question (`authMethod: http`). Nobody else has the secret, so nobody else can use up a nonce
 * or try keys here.
 */
export function accessRoute(
  secret: string,
  judge: (request: AccessRequest) => AccessVerdict,
): Hono {
  const app = new Hono();
  app.post(accessPath, async (context) => {
    if (!sameSecret(context.req.query("secret") ?? "", secret))
      return context.json({ detail: "Not Found" }, 404);
    const parsed = accessRequest.safeParse(await context.req.json().catch(() => undefined));
    if (!parsed.success) return context.text("the question could not be read", 400);
    const verdict = judge(parsed.data);
    return verdict.allow ? context.body(null, 200) : context.text(verdict.reason, 401);
  });
  return app;
}
