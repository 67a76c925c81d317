import { expect, test } from "bun:test";
import { assertEdgeRules, loadEdgeConfig } from "../../../src/config/edge-config.ts";
import { brokenRules, isLoopback } from "../../../src/config/edge-rules.ts";
import { ConfigError } from "../../../src/config/setting.ts";

const secret = "0123456789abcdef0123";
const keys = JSON.stringify({ "*": "0".repeat(64) });
const broken = (environment: Record<string, string>) =>
  brokenRules(loadEdgeConfig(environment).values);

test("a listener that others reach needs its secrets", () => {
  expect(broken({})).toEqual([]);
  expect(broken({ ORCH_HTTP_ADDR: ":8080" })).toEqual([
    "ORCH_HTTP_ADDR :8080 is reachable by others: set LIVEDUB_HOOK_SECRET (openssl rand -hex 32), or listen on 127.0.0.1",
    "ORCH_HTTP_ADDR :8080 is reachable by others: set LIVEDUB_API_TOKEN (openssl rand -hex 32), or listen on 127.0.0.1",
  ]);
  const tokens = { LIVEDUB_HOOK_SECRET: secret, LIVEDUB_API_TOKEN: secret };
  expect(broken({ ORCH_HTTP_ADDR: "[::]:8080", ...tokens })).toEqual([]);
  for (const way of ["RTMP", "HLS", "RTSP", "SRT", "WEBRTC"]) {
    const name = `MEDIAMTX_${way}_ADDRESS`;
    expect(broken({ [name]: "0.0.0.0:19" })[0]).toContain("set LIVEDUB_PUBLISH_KEYS");
    expect(broken({ [name]: "0.0.0.0:19", LIVEDUB_PUBLISH_KEYS: keys })).toEqual([]);
    expect(broken({ [name]: "0.0.0.0:19", LIVEDUB_PUBLISH_KEYS: "{}" }).length).toBe(1);
  }
});

test("what shows keys in clear listens on loopback only", () => {
  const all = { LIVEDUB_PUBLISH_KEYS: keys };
  for (const name of ["MEDIAMTX_API_ADDRESS", "MEDIAMTX_METRICS_ADDRESS"])
    expect(broken({ [name]: "10.0.0.5:19", ...all })[0]).toContain("listen on 127.0.0.1 only");
});

test("two listeners on one port are told apart", () => {
  expect(broken({ MEDIAMTX_HLS_ADDRESS: "127.0.0.1:1935" })).toEqual([
    "MEDIAMTX_HLS_ADDRESS and MEDIAMTX_RTMP_ADDRESS both use port 1935: give one of them another",
  ]);
});

test("what this version does not do is refused, not ignored", () => {
  expect(broken({ ORCH_WORKER_MODE: "external" })[0]).toContain("foreign workers are not run");
  expect(broken({ ORCH_MEDIAMTX_HOST: "mediamtx" })).toEqual([]);
  expect(() => assertEdgeRules(loadEdgeConfig({ ORCH_WORKER_MODE: "external" }))).toThrow(
    ConfigError,
  );
});

test("loopback is what only this machine reaches", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
    expect(isLoopback(host)).toBe(true);
  for (const host of ["", "0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com", "localhost.evil"])
    expect(isLoopback(host)).toBe(false);
});
