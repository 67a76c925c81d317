import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { commonSettings } from "../../../src/config/common.ts";
import { ConfigError } from "../../../src/config/setting.ts";
import {
  deviceOf,
  isLoopback,
  readSidecarConfig,
  translationOrder,
} from "../../../src/config/sidecar-rules.ts";
import { sidecarSettings } from "../../../src/config/sidecar.ts";
import { settingWarnings } from "../../../gpu/commands/settings.ts";
import { readVoiceProfiles } from "../../../gpu/commands/voice-profiles.ts";

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readSidecarConfig(environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems;
  }
}

describe("contract 7.4: defaults", () => {
  test("are the contract's", () => {
    expect(readSidecarConfig({})).toMatchObject({
      port: 8000,
      host: "127.0.0.1",
      mode: "real",
      apiKey: undefined,
      maxInflight: 3,
      fragmentTimeoutMs: 8000,
      maxConcurrentStreams: 5,
      fallbackMode: "silence",
      maxWorkers: 4,
      asrModel: "base",
      ttsModel: "kokoro",
      queueMaxDepth: 20,
      maxMessageBytes: 52_428_800,
      maxConnections: 0,
      pingIntervalS: 25,
      pingTimeoutS: 10,
      autoDisconnectDelayS: 5,
      asrTimeoutMs: 5000,
      translationTimeoutMs: 5000,
      ttsTimeoutMs: 10_000,
      varianceSuccessMax: 0.1,
      variancePartialMax: 0.2,
      echoDelayMs: 0,
      backpressureEnabled: false,
      logLevel: "info",
      logFormat: "json",
    });
  });

  test("no name or alias is declared twice", () => {
    const names = Object.values({ ...sidecarSettings, ...commonSettings }).flatMap((one) => [
      one.name,
      ...one.aliases,
    ]);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("contract 7.4: aliases", () => {
  for (const [alias, text, key, value] of [
    ["STS_API_PORT", "9000", "port", 9000],
    ["API_PORT", "9000", "port", 9000],
    ["WS_PORT", "9000", "port", 9000],
    ["PORT", "9000", "port", 9000],
    ["ECHO_PORT", "9000", "port", 9000],
    ["HOST", "localhost", "host", "localhost"],
    ["ECHO_HOST", "::1", "host", "::1"],
    ["API_KEY", "k", "apiKey", "k"],
    ["PROCESSING_TIMEOUT_MS", "10000", "fragmentTimeoutMs", 10_000],
    ["PROCESSING_TIMEOUT", "12.5", "fragmentTimeoutMs", 12_500],
    ["STS_MAX_WORKERS", "2", "maxWorkers", 2],
    ["WHISPER_MODEL", "base", "asrModel", "base"],
    ["STS_WHISPER_MODEL", "faster-whisper-base", "asrModel", "base"],
    ["ASR_MODEL_SIZE", "BASE", "asrModel", "base"],
    ["ASR_MODEL", "openai/whisper-large-v3-turbo", "asrModel", "large-v3-turbo"],
    ["STS_TTS_MODEL", "kokoro", "ttsModel", "kokoro"],
    ["TTS_PROVIDER", "kokoro", "ttsProvider", "local"],
    ["TTS_PROVIDER", "local", "ttsModel", "kokoro"],
    ["STS_TRANSLATION_MODEL", "bergamot", "translationProvider", ["local"]],
    ["STS_MODEL_CACHE_DIR", "/m", "modelsDir", "/m"],
    ["LIVEDUB_MODELS_DIR", "/m", "modelsDir", "/m"],
    ["DEEPL_AUTH_KEY", "d", "deeplApiKey", "d"],
    ["STS_CUDA_VISIBLE_DEVICES", "1", "cudaVisibleDevices", "1"],
    ["TTS_VOICES_CONFIG", "/v.json", "voiceProfilesPath", "/v.json"],
    ["LOG_LEVEL", "WARNING", "logLevel", "warn"],
  ] as const)
    test(`${alias}=${text} is read`, () => {
      expect(readSidecarConfig({ [alias]: text })[key]).toEqual(value);
    });

  test("the name wins over its aliases, and FRAGMENT_TIMEOUT_MS over PROCESSING_TIMEOUT", () => {
    expect(readSidecarConfig({ STS_PORT: "1", PORT: "2" }).port).toBe(1);
    const both = { FRAGMENT_TIMEOUT_MS: "5000", PROCESSING_TIMEOUT: "60" };
    expect(readSidecarConfig(both).fragmentTimeoutMs).toBe(5000);
  });

  test("thresholds with a dot, or below 1, are shares, others counts", () => {
    const config = readSidecarConfig({
      BACKPRESSURE_THRESHOLD_LOW: "0.5",
      BACKPRESSURE_THRESHOLD_HIGH: "1.0",
    });
    expect(config.thresholdLow).toEqual({ kind: "ratio", value: 0.5 });
    expect(config.thresholdHigh).toEqual({ kind: "ratio", value: 1 });
    expect(readSidecarConfig({ BACKPRESSURE_THRESHOLD_LOW: "3" }).thresholdLow).toEqual({
      kind: "count",
      value: 3,
    });
  });
});

describe("contract 7.4: refusals name the variable and what would be right", () => {
  for (const [environment, said] of [
    [{ STS_PORT: "70000" }, "STS_PORT=70000: must be a whole number 0..65535"],
    [{ STS_MODE: "mock" }, "STS_MODE=mock: must be one of real, echo"],
    [{ MAX_INFLIGHT: "11" }, "MAX_INFLIGHT=11: must be a whole number 1..10"],
    [{ MAX_WORKERS: "17" }, "MAX_WORKERS=17"],
    [{ FRAGMENT_TIMEOUT_MS: "999" }, "FRAGMENT_TIMEOUT_MS=999"],
    [{ FALLBACK_MODE: "loud" }, "silence, original"],
    [{ ASR_MODEL: "enormous" }, "must be a size of Whisper"],
    [{ ASR_MODEL: "../base" }, "must be a size of Whisper"],
    [{ TTS_MODEL: "coqui-xtts-v2" }, "License"],
    [{ TTS_PROVIDER: "mock" }, "must be local (also kokoro), openai-compatible or elevenlabs"],
    [{ TTS_PROVIDER: "coqui" }, "License"],
    [{ TTS_PROVIDER: "elevenlabs" }, "needs ELEVENLABS_API_KEY"],
    [{ TTS_PROVIDER: "openai" }, "needs OPENAI_BASE_URL"],
    [{ TTS_MODEL: "tts-1" }, "must be kokoro"],
    [{ TRANSLATION_PROVIDER: "google" }, "must be auto"],
    [{ TRANSLATION_PROVIDER: "deepl" }, "needs DEEPL_API_KEY"],
    [{ TRANSLATION_PROVIDER: "local,mock" }, "other providers are not built in"],
    [{ TRANSLATION_PROVIDER: "local,bergamot" }, "each once"],
    [{ TRANSLATION_PROVIDER: "openai" }, "needs OPENAI_BASE_URL"],
    [{ TRANSLATION_PROVIDER: "openai" }, "needs OPENAI_TRANSLATION_MODEL"],
    [{ OPENAI_TRANSLATION_MODEL: "m" }, "needs OPENAI_BASE_URL"],
    [
      { OPENAI_BASE_URL: "http://me:secret@127.0.0.1/v1" },
      "OPENAI_BASE_URL=http://***@127.0.0.1/v1: must hold no credentials",
    ],
    [{ DEVICE: "tpu" }, "must be cpu or cuda"],
    [{ ASR_DEVICE: "cuda", TTS_DEVICE: "cpu" }, "one device"],
    [{ REQUIRE_AUTH: "true" }, "needs a key"],
    [{ STS_HOST: "0.0.0.0" }, "needs a key"],
    [{ DURATION_VARIANCE_SUCCESS_MAX: "0.3" }, "must be less than"],
    [{ BACKPRESSURE_THRESHOLD_LOW: "6", BACKPRESSURE_THRESHOLD_MEDIUM: "3" }, "must not be less"],
    [{ BACKPRESSURE_THRESHOLD_LOW: "0.5", BACKPRESSURE_THRESHOLD_MEDIUM: "3" }, "one kind"],
    [{ LOG_LEVEL: "loud" }, "must be one of debug"],
    [{ RUN_ID: "x".repeat(65) }, "at most 64"],
    [{ ENABLE_ARTIFACT_LOGGING: "maybe" }, "true or false"],
    [{ ARTIFACTS_RETENTION_HOURS: "0" }, "must be a number 0.01..87600"],
    [{ ARTIFACT_MAX_COUNT: "none" }, "must be a whole number 1..1000000"],
  ] as [Record<string, string>, string][])
    test(
      Object.entries(environment)
        .map((pair) => pair.join("=").slice(0, 60))
        .join(" "),
      () => {
        expect(problemsOf(environment).join("\n")).toContain(said);
      },
    );

  test("every problem is listed, and no secret is shown", () => {
    const problems = problemsOf({
      STS_PORT: "x",
      MAX_INFLIGHT: "x",
      STS_MODE: "x",
      STS_API_KEY: "topsecret",
    });
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain("topsecret");
  });

  test("other addresses than loopback are allowed with a key, and in echo mode without", () => {
    expect(problemsOf({ STS_HOST: "0.0.0.0", STS_API_KEY: "k" })).toEqual([]);
    expect(problemsOf({ STS_HOST: "0.0.0.0", STS_MODE: "echo" })).toEqual([]);
    expect(["127.0.0.1", "localhost", "::1", "127.1.2.3"].every(isLoopback)).toBe(true);
    expect(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example"].some(isLoopback)).toBe(false);
  });

  test("the key can stand in a file", () => {
    const path = join(tmpdir(), `livedub-key-${crypto.randomUUID()}`);
    writeFileSync(path, "from-file\n");
    expect(readSidecarConfig({ STS_API_KEY_FILE: path }).apiKey).toBe("from-file");
  });
});

test("a device named for one model alone is taken for both", () => {
  expect(deviceOf(readSidecarConfig({ ASR_DEVICE: "cuda" }))).toBe("cuda");
});

test("settings that nothing reads give one warning each", () => {
  const warnings = settingWarnings({
    GPU_MAX_BATCH_SIZE: "4",
    ELEVENLABS_API_KEY: "secret",
    STS_PORT: "1",
  });
  expect(warnings).toHaveLength(1);
  expect(warnings.join()).toContain("GPU_MAX_BATCH_SIZE");
  expect(warnings.join()).not.toContain("secret");
});

describe("the file of voices", () => {
  const write = (content: string) => {
    const path = join(tmpdir(), `livedub-voices-${crypto.randomUUID()}.json`);
    writeFileSync(path, content);
    return path;
  };

  test("gives profiles by name, with the primary subtag of their language", () => {
    const path = write(
      JSON.stringify({
        default: { language: "pt-BR" },
        ana: { language: "pt", speaker: "pf_dora", gender: "f" },
      }),
    );
    expect(readVoiceProfiles(path)).toEqual({
      default: { language: "pt" },
      ana: { language: "pt", speaker: "pf_dora" },
    });
  });

  for (const [what, content, said] of [
    ["without default", '{"ana":{"language":"pt"}}', "default"],
    ["that is no JSON", "{", "VOICE_PROFILES_PATH"],
    ["with a profile without language", '{"default":{}}', "default.language"],
    [
      "that wants a voice cloned",
      '{"default":{"language":"pt","reference_audio":"a.wav"}}',
      "cloned",
    ],
  ] as const)
    test(`${what} is refused`, () => {
      expect(() => readVoiceProfiles(write(content))).toThrow(said);
    });

  test("and TTS_PROVIDER must agree: a service needs a voice of its own, and its voices need it", () => {
    const hosted = write('{"default":{"language":"pt","speaker":"pf_dora","voice_id":"v1"}}');
    expect(readVoiceProfiles(hosted, "elevenlabs")).toEqual({
      default: { language: "pt", speaker: "pf_dora", voiceId: "v1" },
    });
    expect(() => readVoiceProfiles(hosted)).toThrow("default.voice_id: needs a voice service");
    const local = write('{"default":{"language":"pt"}}');
    expect(() => readVoiceProfiles(local, "elevenlabs")).toThrow("no profile has a voice_id");
    expect(() => readVoiceProfiles(undefined, "elevenlabs")).toThrow("VOICE_PROFILES_PATH");
  });

  test("that is not there is refused by name", () => {
    expect(() => readVoiceProfiles("/nonexistent/voices.json")).toThrow("/nonexistent/voices.json");
  });
});

describe("who translates, in order", () => {
  const order = (environment: Record<string, string>) =>
    translationOrder(readSidecarConfig(environment));
  const openAi = { OPENAI_BASE_URL: "http://127.0.0.1/v1", OPENAI_TRANSLATION_MODEL: "m" };
  test("by itself: each service that is set up, then the local models", () => {
    expect(order({})).toEqual(["local"]);
    expect(order({ DEEPL_API_KEY: "d" })).toEqual(["deepl", "local"]);
    expect(order({ DEEPL_API_KEY: "d", ...openAi })).toEqual([
      "deepl",
      "openai-compatible",
      "local",
    ]);
    expect(order({ OPENAI_BASE_URL: "http://127.0.0.1/v1" })).toEqual(["local"]);
  });
  test("by name: as named, and the local models last where they are not", () => {
    const all = { DEEPL_API_KEY: "d", ...openAi };
    expect(order({ ...all, TRANSLATION_PROVIDER: "local" })).toEqual(["local"]);
    expect(order({ ...all, TRANSLATION_PROVIDER: " OpenAI , deepl" })).toEqual([
      "openai-compatible",
      "deepl",
      "local",
    ]);
    expect(order({ ...all, TRANSLATION_PROVIDER: "local,deepl" })).toEqual(["local", "deepl"]);
  });
});
