import { describe, expect, test } from "bun:test";
import type { ApplianceView } from "../../../src/orchestrator/appliance-view.ts";
import { createApp, type AppOptions } from "../../../src/server/app.ts";

const view: ApplianceView = {
  version: "0.1.0",
  startedAt: "2026-01-02T03:04:05.000Z",
  publish: { url: "rtmp://127.0.0.1:1935/live/STREAM/in", keyNeeded: false },
  mediaServer: { restarts: 0, reachable: true },
  sidecars: [],
  streams: [],
  refusals: [],
};

function appWith(changes: Partial<AppOptions> = {}) {
  const hints: string[] = [];
  const fallbacks: string[] = [];
  const app = createApp({
    hostNames: new Set(["127.0.0.1"]),
    apiToken: undefined,
    hookSecret: undefined,
    accessSecret: "access-secret",
    judge: () => ({ allow: true }),
    hooks: {
      mayBegin: () => undefined,
      hint: (event, streamId) => hints.push(`${event} ${streamId}`),
    },
    captions: {
      apiToken: undefined,
      mayWatch: () => false,
      stream: () => undefined,
      hlsIndex: () => Promise.reject(new Error("not asked for")),
    },
    setFallback: (streamId, fallback) => {
      if (streamId !== "match") return false;
      fallbacks.push(fallback);
      return true;
    },
    view: () => view,
    statusPage: () => "<!doctype html><title>livedub</title>",
    metrics: {
      contentType: "text/plain; version=0.0.4; charset=utf-8",
      text: () => Promise.resolve("up 1\n"),
    },
    onError: () => {},
    ...changes,
  });
  const send = (path: string, init: RequestInit = {}) =>
    app.request(`http://127.0.0.1:8080${path}`, {
      ...init,
      headers: { host: "127.0.0.1:8080", ...(init.headers as Record<string, string>) },
    });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    send(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  return { send, post, hints, fallbacks };
}

const ready = "/v1/mediamtx/events/ready";
const notReady = "/v1/mediamtx/events/not-ready";
const hook = { path: "live/match/in", sourceType: "rtmpConn", sourceId: "1" };
const asRecord = async (response: Response) => (await response.json()) as Record<string, unknown>;

describe("hooks", () => {
  test("ready of an input starts its worker, answered with the four keys", async () => {
    const { post, hints } = appWith();
    const response = await post(ready, { ...hook, correlation_id: "c-1" });
    expect(response.status).toBe(200);
    const body = await asRecord(response);
    expect(Object.keys(body).toSorted()).toEqual([
      "correlation_id",
      "message",
      "status",
      "stream_id",
    ]);
    expect(body).toMatchObject({
      status: "worker_started",
      stream_id: "match",
      correlation_id: "c-1",
    });
    expect(hints).toEqual(["ready match"]);
  });

  test("not-ready is answered alike for known and unknown streams", async () => {
    const { post, hints } = appWith();
    const body = await asRecord(await post(notReady, { ...hook, path: "live/unknown/in" }));
    expect(body).toMatchObject({ status: "worker_stopped", stream_id: "unknown" });
    expect(hints).toEqual(["not-ready unknown"]);
  });

  test("paths of outputs are skipped", async () => {
    const { post, hints } = appWith();
    for (const path of ["live/match/out", "live/match/out_pt-br"]) {
      const response = await post(ready, { ...hook, path });
      expect(response.status).toBe(200);
      expect(await asRecord(response)).toMatchObject({ status: "skipped", direction: "out" });
    }
    expect(hints).toEqual([]);
  });

  test("keys of older peers, null and unknown keys are taken", async () => {
    const { post } = appWith();
    const snake = { path: hook.path, source_type: "srtConn", source_id: "9", query: null, more: 1 };
    expect((await post(ready, snake)).status).toBe(200);
    expect((await post(ready, { ...hook, timestamp: "2026-01-02T03:04:05Z" })).status).toBe(200);
    expect((await post("/hooks/mediamtx/on-ready", { path: hook.path, runId: "r" })).status).toBe(
      200,
    );
    expect((await post("/hooks/mediamtx/on-not-ready", { path: hook.path })).status).toBe(200);
  });

  test("what is wrong is named, with 422 in the form that peers know", async () => {
    const { post } = appWith();
    const wrong: unknown[] = [
      {},
      [],
      "no json",
      { ...hook, path: "/live/match/in" },
      { ...hook, path: "live/match/in/" },
      { ...hook, path: "live/match/sideways" },
      { ...hook, path: "live/../in" },
      { ...hook, sourceId: "" },
      { path: hook.path, sourceType: "rtmpConn" },
    ];
    for (const body of wrong) {
      const response = await post(ready, body);
      expect(response.status).toBe(422);
      expect(Array.isArray((await asRecord(response))["detail"])).toBe(true);
    }
    const response = await post(ready, { ...hook, sourceId: 7 });
    const { detail } = (await response.json()) as { detail: { loc: string[] }[] };
    expect(detail[0]?.loc).toEqual(["body", "sourceId"]);
  });

  test("at the limit a new stream is rejected with 429", async () => {
    const refused = { code: "MAX_WORKERS", message: "2 streams run already" };
    const { post } = appWith({ hooks: { mayBegin: () => refused, hint: () => {} } });
    const response = await post(ready, hook);
    expect(response.status).toBe(429);
    expect(await asRecord(response)).toMatchObject({ status: "rejected", code: "MAX_WORKERS" });
    expect((await post(notReady, hook)).status).toBe(200);
  });

  test("other methods are 405, unknown events 404, large bodies 413", async () => {
    const { send, post } = appWith();
    const get = await send(ready);
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
    expect((await send(ready, { method: "PUT", body: "{}" })).status).toBe(405);
    expect((await post("/v1/mediamtx/events/maybe", hook)).status).toBe(404);
    expect((await post(ready, { ...hook, query: "x".repeat(70_000) })).status).toBe(413);
  });

  test("with a hook secret, nothing else is listened to", async () => {
    const { post, hints } = appWith({ hookSecret: "hook-secret-hook-secret" });
    expect((await post(ready, hook)).status).toBe(401);
    const header = { "x-livedub-hook-secret": "hook-secret-hook-secret" };
    expect((await post(ready, hook, header)).status).toBe(200);
    expect(hints).toEqual(["ready match"]);
  });
});

describe("MediaMTX's questions", () => {
  const path = "/internal/mediamtx/auth";
  const question = { ip: "127.0.0.1", action: "publish", path: "live/match/in", protocol: "rtmp" };

  test("are answered with 200 or 401, and only for who has the secret", async () => {
    const asked: string[] = [];
    const { post } = appWith({
      judge: (request) => {
        asked.push(request.path);
        return request.action === "publish"
          ? { allow: true }
          : { allow: false, code: "NO", reason: "not for you" };
      },
    });
    expect((await post(`${path}?secret=access-secret`, question)).status).toBe(200);
    const refused = await post(`${path}?secret=access-secret`, { ...question, action: "read" });
    expect([refused.status, await refused.text()]).toEqual([401, "not for you"]);
    expect((await post(path, question)).status).toBe(404);
    expect((await post(`${path}?secret=guess`, question)).status).toBe(404);
    expect(asked).toHaveLength(2);
  });

  test("that cannot be read are refused", async () => {
    const { post } = appWith();
    for (const body of ["no json", {}, { action: 7 }])
      expect((await post(`${path}?secret=access-secret`, body)).status).toBe(400);
  });
});

describe("what everybody may ask", () => {
  test("health and the root answer peers as the contract says", async () => {
    const { send } = appWith();
    expect(await asRecord(await send("/health"))).toEqual({
      status: "ok",
      service: "media-service",
    });
    const root = await asRecord(await send("/"));
    expect(root).toEqual({ service: "stream-orchestration", version: "0.1.0", status: "running" });
  });

  test("a browser gets the status page, unless it asks for JSON", async () => {
    const { send } = appWith();
    const headers = { accept: "text/html,application/xhtml+xml" };
    const page = await send("/", { headers });
    expect(await page.text()).toContain("<!doctype html>");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await asRecord(await send("/?format=json", { headers }))).toMatchObject({
      status: "running",
    });
  });

  test("metrics come as Prometheus text", async () => {
    const response = await appWith().send("/metrics");
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await response.text()).toBe("up 1\n");
  });

  test("unknown pages and streams are 404 in JSON, other methods 405", async () => {
    const { send } = appWith();
    expect(await asRecord(await send("/nowhere"))).toEqual({ detail: "Not Found" });
    expect((await send("/api/streams/none")).status).toBe(404);
    expect((await send("/api/streams", { method: "DELETE" })).status).toBe(405);
  });

  test("before encoders may publish, the API says that it is starting", async () => {
    const { send } = appWith({ view: () => undefined });
    expect((await send("/api/streams")).status).toBe(503);
    expect((await send("/health")).status).toBe(200);
    expect(await asRecord(await send("/"))).toMatchObject({ status: "starting" });
  });

  test("on loopback another host's name is not answered (DNS rebinding)", async () => {
    const { send } = appWith();
    expect((await send("/api/streams", { headers: { host: "evil.example" } })).status).toBe(421);
    for (const host of ["localhost:8080", "127.0.0.1", "[::1]:8080"])
      expect((await send("/api/streams", { headers: { host } })).status).toBe(200);
  });
});

describe("the API token", () => {
  const apiToken = "a-long-enough-token";
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const basic = (password: string) => ({ authorization: `Basic ${btoa(`anyone:${password}`)}` });

  test("guards API, metrics and status page, not health and hooks", async () => {
    const { send, post } = appWith({ apiToken });
    for (const path of ["/api/streams", "/api/streams/x", "/metrics"])
      expect((await send(path)).status).toBe(401);
    expect((await send("/", { headers: { accept: "text/html" } })).status).toBe(401);
    expect((await send("/health")).status).toBe(200);
    expect((await send("/")).status).toBe(200);
    expect((await post(ready, hook)).status).toBe(200);
  });

  test("is taken as bearer, or as a browser's password", async () => {
    const { send } = appWith({ apiToken });
    expect((await send("/api/streams", { headers: bearer(apiToken) })).status).toBe(200);
    expect((await send("/api/streams", { headers: basic(apiToken) })).status).toBe(200);
    const page = { ...basic(apiToken), accept: "text/html" };
    expect((await send("/", { headers: page })).status).toBe(200);
    for (const headers of [bearer("guess"), basic("guess"), { authorization: "Bearer" }])
      expect((await send("/api/streams", { headers })).status).toBe(401);
  });
});

describe("the fallback of a running stream", () => {
  const put = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
    method: "PUT",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

  test("is switched to each of the five", async () => {
    const { send, fallbacks } = appWith();
    const all = ["background", "ducked", "repeat_last", "silence", "original"];
    for (const fallback of all) {
      const response = await send("/api/streams/match/fallback", put({ fallback }));
      expect(response.status).toBe(200);
      expect(await asRecord(response)).toEqual({ stream_id: "match", fallback });
    }
    expect(fallbacks).toEqual(all);
  });

  test("stays where the wish is none, the stream is unknown or the token is missing", async () => {
    const { send, fallbacks } = appWith();
    const path = "/api/streams/match/fallback";
    const wrong = await send(path, put({ fallback: "loud" }));
    expect(wrong.status).toBe(422);
    const said = JSON.stringify(await asRecord(wrong));
    expect(said).toContain("fallback");
    expect(said).toContain("repeat_last");
    expect((await send(path, put({ fallback: "ducked", more: 1 }))).status).toBe(422);
    const unknown = await send("/api/streams/other/fallback", put({ fallback: "ducked" }));
    expect(unknown.status).toBe(404);
    const got = await send(path);
    expect([got.status, got.headers.get("allow")]).toEqual([405, "PUT"]);
    expect(fallbacks).toEqual([]);

    const guarded = appWith({ apiToken: "a-token-of-some-length" });
    expect((await guarded.send(path, put({ fallback: "ducked" }))).status).toBe(401);
    expect(guarded.fallbacks).toEqual([]);
    const authorization = "Bearer a-token-of-some-length";
    const allowed = await guarded.send(path, put({ fallback: "ducked" }, { authorization }));
    expect(allowed.status).toBe(200);
    expect(guarded.fallbacks).toEqual(["ducked"]);
  });
});
