import { expect, test } from "bun:test";
import { ServeProcess } from "./serve-process.ts";

test("on a host with an HTTP proxy our own processes are called directly", async () => {
  const seen: string[] = [];
  const answer = (request: Request) => {
    seen.push(request.url);
    return new Response(null, { status: 502 });
  };
  await using proxy = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  const address = `http://127.0.0.1:${proxy.port}`;
  await using serve = await ServeProcess.start({
    HTTP_PROXY: address,
    http_proxy: address,
    NO_PROXY: "metadata.internal",
    WORKER_STS_MODE: "enabled",
    STS_MODE: "echo",
  });
  await serve.logged((line) => line.message === "sidecar: ready", 20_000);
  expect(serve.log.filter((line) => line.event === "mediamtx.blind")).toEqual([]);
  expect(seen).toEqual([]);
}, 60_000);
