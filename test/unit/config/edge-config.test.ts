import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { loadEdgeConfig } from "../../../src/config/edge-config.ts";
import { ConfigError } from "../../../src/config/setting.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function configFile(name: string, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), "livedub-config-"));
  folders.push(folder);
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error("no ConfigError was thrown");
}

test("command line wins over environment, environment over file, file over default", () => {
  const path = configFile(
    "livedub.json",
    JSON.stringify({
      WORKER_TARGET_LANG: "fr",
      WORKER_SOURCE_LANG: "de",
      WORKER_TTS_VOICE: "anna",
      ORCH_MAX_WORKERS: 7,
    }),
  );
  const { values } = loadEdgeConfig(
    { LIVEDUB_CONFIG: path, WORKER_TARGET_LANG: "it", SOURCE_LANGUAGE: "es" },
    { WORKER_TARGET_LANG: "pt-BR" },
  );
  expect(values.targetLanguages).toEqual(["pt-BR"]);
  expect(values.sourceLanguage).toBe("es"); // an alias of a stronger layer wins over the name in a weaker one
  expect(values.voice).toBe("anna");
  expect(values.maxWorkers).toBe(7);
  expect(values.fallbackMode).toBe("original");
});

test("without anything set the defaults of the contract hold", () => {
  const { values, warnings, streams, egressRules } = loadEdgeConfig({});
  expect(values).toMatchObject({
    httpAddress: { host: "127.0.0.1", port: 8080 },
    rtmpAddress: { host: "127.0.0.1", port: 1935 },
    gracePeriodMs: 30_000,
    maxWorkers: 0,
    playoutDelayMs: 6000,
    fallbackMode: "original",
    stsMode: "enabled",
    stsProtocol: "ws",
    stsTimeoutMs: 8000,
    stsMaxRetries: 1,
    stsMaxInflight: 3,
    breakerThreshold: 5,
    breakerOpenSeconds: 30,
    sourceLanguage: "en",
    targetLanguages: ["pt"],
    egressMaxDestinationFailures: 3,
    restartMaxPer10Min: 6,
    restartCooldownSeconds: 60,
  });
  expect(values.stsUrl).toBeUndefined();
  expect([warnings.length, streams.size, egressRules.size]).toEqual([0, 0, 0]);
});

test("names of the original documents and of upstream are read as aliases", () => {
  const { values } = loadEdgeConfig({
    PORT: "9090",
    MAX_CONCURRENT_STREAMS: "10",
    STS_SERVICE_URL: "http://sts:3000",
    STS_API_KEY: "k",
    STS_FRAGMENT_TIMEOUT_MS: "60000",
    SKIP_STS_CONNECTION: "true",
    TARGET_LANGUAGE: "en-us",
    WORKER_SEGMENT_DURATION: "6s",
  });
  expect(values).toMatchObject({
    httpAddress: { host: "127.0.0.1", port: 9090 },
    maxWorkers: 10,
    stsUrl: "http://sts:3000",
    stsApiKey: "k",
    stsTimeoutMs: 60_000,
    stsMode: "passthrough",
    targetLanguages: ["en-us"],
    fragmentMs: 6000,
  });
});

test("a playout delay is a preset's name or milliseconds", () => {
  const delay = (text: string) =>
    loadEdgeConfig({ WORKER_PLAYOUT_DELAY_MS: text }).values.playoutDelayMs;
  expect(["fast", "Balanced", "quality", "1000", "30000"].map(delay)).toEqual([
    4000, 6000, 7500, 1000, 30_000,
  ]);
  fc.assert(
    fc.property(fc.integer(), (ms) => {
      const good = ms >= 1000 && ms <= 30_000;
      if (good) expect(delay(String(ms))).toBe(ms);
      else expect(() => delay(String(ms))).toThrow(ConfigError);
    }),
  );
});

test("every bad value is named at once, with what would be right and where it stands", () => {
  const path = configFile("livedub.toml", 'WORKER_TTS_VOICE = ""\nORCH_MAX_WORKERS = -4\n');
  const problems = problemsOf(() =>
    loadEdgeConfig(
      { LIVEDUB_CONFIG: path, ORCH_GRACE_PERIOD: "10m", WORKER_TARGET_LANGUAGE: "portuguese!" },
      { CIRCUIT_BREAKER_THRESHOLD: "many" },
    ),
  );
  expect(problems.toSorted()).toEqual([
    "CIRCUIT_BREAKER_THRESHOLD=many: must be a whole number 1..100 (failures) (command line)",
    "ORCH_GRACE_PERIOD=10m: must be a duration like 250ms, 2s or 1m30s, from 0ms to 300000ms",
    "ORCH_MAX_WORKERS=-4: must be a whole number 0..1000 (streams) (config file)",
    "WORKER_TARGET_LANGUAGE=portuguese!: must be a language tag like en or pt-BR",
  ]);
});

test("no secret is repeated in an error", () => {
  const secret = "rtmp-key-12345";
  const problems = problemsOf(() =>
    loadEdgeConfig({
      LIVEDUB_HOOK_SECRET: "short-secret",
      LIVEDUB_PUBLISH_KEYS: `{"match": "${secret}"}`,
      EGRESS_RULES_JSON: `{"version":1,"rules":[{"streamId":"a","destinations":[{"name":"n","url":"ftp://h/${secret}"}]}]}`,
      STS_ENDPOINTS: `[{"url":"ftp://h","key":"${secret}"}]`,
    }),
  );
  expect(problems.length).toBe(4);
  expect(problems.join("\n")).not.toContain(secret);
  expect(problems.join("\n")).not.toContain("short-secret");
});

test("a secret may stand in a file, named in environment or config file", () => {
  const token = configFile("token", "0123456789abcdef0123\n");
  expect(loadEdgeConfig({ LIVEDUB_API_TOKEN_FILE: token }).values.apiToken).toBe(
    "0123456789abcdef0123",
  );
  const file = configFile("livedub.json", JSON.stringify({ LIVEDUB_API_TOKEN_FILE: token }));
  expect(loadEdgeConfig({ LIVEDUB_CONFIG: file }).values.apiToken).toBe("0123456789abcdef0123");
  const missing = problemsOf(() => loadEdgeConfig({ LIVEDUB_API_TOKEN_FILE: "/nowhere/token" }));
  expect(missing[0]).toStartWith("LIVEDUB_API_TOKEN_FILE=/nowhere/token: cannot be read");
});

test("what is accepted without effect is said once", () => {
  const { warnings } = loadEdgeConfig({
    WORKER_BUFFER_TARGET: "10s",
    RTMP_OUTPUT_URL: "rtmp://x/y",
    ORCH_WORKER_COMMAND: "stream-worker",
  });
  expect(warnings.toSorted()).toEqual([
    "ORCH_WORKER_COMMAND has no effect: livedub runs its own workers",
    "RTMP_OUTPUT_URL has no effect: out is always live/<stream>/out; forward it by egress",
    "WORKER_BUFFER_TARGET has no effect: WORKER_PLAYOUT_DELAY_MS replaces it",
  ]);
});

test("publish keys are hashes, by stream or for all", () => {
  const hash = "A".repeat(64);
  const { publishKeys } = loadEdgeConfig({
    LIVEDUB_PUBLISH_KEYS: JSON.stringify({ match: hash, "*": hash }),
  }).values;
  expect(publishKeys).toEqual({ match: "a".repeat(64), "*": "a".repeat(64) });
  expect(() => loadEdgeConfig({ LIVEDUB_PUBLISH_KEYS: '{"a/b": ""}' })).toThrow(ConfigError);
  expect(() => loadEdgeConfig({ LIVEDUB_PUBLISH_KEYS: "hash" })).toThrow(ConfigError);
});

test("several sidecars come as a list, each with a key of its own if it has one", () => {
  const list = [{ url: "wss://a:8000", key: "ka", weight: 3 }, { url: "http://b/api/v1/sts" }];
  const { stsEndpoints } = loadEdgeConfig({ STS_ENDPOINTS: JSON.stringify(list) }).values;
  expect(stsEndpoints).toEqual([
    { url: "wss://a:8000", key: "ka", weight: 3 },
    { url: "http://b/api/v1/sts", weight: 1 },
  ]);
  expect(() => loadEdgeConfig({ STS_ENDPOINTS: "[]" })).toThrow(ConfigError);
});

test("no text in any setting makes reading it end otherwise than with a value or a ConfigError", () => {
  const names = loadEdgeConfig({})
    .effective.map(({ setting }) => setting.name)
    .filter((name) => name !== "LIVEDUB_CONFIG");
  // Any code point, lone surrogates too; fast-check's own unit for that takes seconds to set up.
  const unit = fc.integer({ min: 0, max: 0x10_ffff }).map((code) => String.fromCodePoint(code));
  // Every bad value is judged in one reading, so each reading tries several of them.
  const texts = fc.dictionary(
    fc.constantFrom(...names),
    fc.oneof(fc.string({ unit }), fc.string()),
    { minKeys: 1, maxKeys: 12 },
  );
  fc.assert(
    fc.property(texts, (environment) => {
      try {
        loadEdgeConfig(environment);
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
      }
    }),
    { numRuns: 80 },
  );
});
