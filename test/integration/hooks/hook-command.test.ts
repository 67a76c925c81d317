import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { selfCommand } from "../../../src/process/self.ts";

interface Heard {
  readonly path: string;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

let heard: Heard[] = [];
let answer: () => Promise<Response> | Response = () => Response.json({ status: "ok" });
const orchestrator = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    heard.push({
      path: new URL(request.url).pathname,
      headers: request.headers,
      body: (await request.json()) as Record<string, unknown>,
    });
    return answer();
  },
});
afterAll(() => orchestrator.stop(true));
beforeEach(() => {
  heard = [];
  answer = () => Response.json({ status: "ok" });
});

const variables = {
  MTX_PATH: "live/match/in",
  MTX_SOURCE_TYPE: "rtmpConn",
  MTX_SOURCE_ID: "f3705851",
  ORCHESTRATOR_URL: `http://127.0.0.1:${orchestrator.port}/`,
};

/** Runs `livedub hook` as MediaMTX does. */
async function hook(
  event: string | undefined,
  environment: Record<string, string | undefined> = {},
): Promise<{ code: number; said: string; tookMs: number }> {
  const startedAt = performance.now();
  const child = Bun.spawn({
    cmd: selfCommand("livedub", "hook", ...(event === undefined ? [] : [event])),
    env: { PATH: process.env["PATH"], ...variables, ...environment },
    stdio: ["ignore", "inherit", "pipe"],
  });
  const said = await new Response(child.stderr).text();
  return { code: await child.exited, said, tookMs: performance.now() - startedAt };
}

describe("livedub hook", () => {
  test("sends what MediaMTX says, as the contract's wrapper does", async () => {
    const { code, tookMs } = await hook("ready", { MTX_QUERY: "lang%3Des%26voice%3Dana" });
    process.stderr.write(`hook took ${tookMs.toFixed(0)} ms\n`);
    expect(code).toBe(0);
    expect(heard).toHaveLength(1);
    expect(heard[0]?.path).toBe("/v1/mediamtx/events/ready");
    expect(heard[0]?.headers.get("user-agent")).toBe("MediaMTX-Hook/1.0");
    expect(heard[0]?.headers.get("content-type")).toBe("application/json");
    expect(heard[0]?.body).toEqual({
      path: "live/match/in",
      sourceType: "rtmpConn",
      sourceId: "f3705851",
      query: "lang=es&voice=ana",
    });
    expect((await hook("not-ready")).code).toBe(0);
    expect(heard[1]?.path).toBe("/v1/mediamtx/events/not-ready");
    expect(heard[1]?.body).not.toHaveProperty("query");
  });

  test("keeps quotes and backslashes whole, and the stream key to itself", async () => {
    const query = encodeURIComponent(String.raw`name="a\b"&key=secret&lang=pt`);
    expect((await hook("ready", { MTX_QUERY: query })).code).toBe(0);
    expect(heard[0]?.body["query"]).toBe(String.raw`name="a\b"&lang=pt`);
    expect((await hook("ready", { MTX_QUERY: "lang=pt&key=secret" })).code).toBe(0);
    expect(heard[1]?.body["query"]).toBe("lang=pt");
  });

  test("shows the hook secret where there is one", async () => {
    await hook("ready", { LIVEDUB_HOOK_SECRET: "hook-secret-hook-secret" });
    expect(heard[0]?.headers.get("x-livedub-hook-secret")).toBe("hook-secret-hook-secret");
  });

  test("exits with 1 and says why when something is missing or wrong", async () => {
    expect((await hook(undefined)).code).toBe(1);
    expect((await hook("maybe")).said).toContain("ready or not-ready");
    for (const name of Object.keys(variables)) {
      const { code, said } = await hook("ready", { [name]: undefined });
      expect(code).toBe(1);
      expect(said).toContain(name);
    }
    expect(heard).toEqual([]);
  }, 20_000);

  test("exits with 1 when nobody answers, or with anything but 2xx", async () => {
    answer = () => new Response("no", { status: 500 });
    expect((await hook("ready")).code).toBe(1);
    answer = () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1/" } });
    expect((await hook("ready")).code).toBe(1);
    const nobody = { ORCHESTRATOR_URL: "http://127.0.0.1:1" };
    expect((await hook("ready", nobody)).code).toBe(1);
  }, 20_000);

  test("gives up after five seconds", async () => {
    answer = () => new Promise(() => {});
    const { code, tookMs } = await hook("ready");
    expect(code).toBe(1);
    expect(tookMs).toBeGreaterThan(4900);
    expect(tookMs).toBeLessThan(10_000);
  }, 20_000);
});
