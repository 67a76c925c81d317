import { commonSettings } from "./common.ts";
import { ConfigError, readSettings, type Environment, type SettingValues } from "./setting.ts";
import { defaultTtsModels, type TranslationProviderName } from "./sidecar-providers.ts";
import { sidecarSettings } from "./sidecar.ts";

/** The sidecar's settings, checked against each other. */
export type SidecarConfig = SettingValues<typeof sidecarSettings> &
  SettingValues<typeof commonSettings>;

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return loopback.test(host);
}

/**
 * Reads the sidecar's settings.
 * @throws {ConfigError} with every problem: each bad value, else every contradiction between values
 */
export function readSidecarConfig(environment: Environment): SidecarConfig {
  const read = readSettings({ ...commonSettings, ...sidecarSettings }, environment);
  const ttsModel = isGiven(environment, "ttsModel")
    ? read.ttsModel
    : defaultTtsModels[read.ttsProvider];
  const config = { ...read, ttsModel };
  const problems = [...contradictions(config, environment)];
  if (problems.length > 0) throw new ConfigError(problems);
  if (config.processingTimeoutS === undefined || isGiven(environment, "fragmentTimeoutMs"))
    return config;
  return { ...config, fragmentTimeoutMs: Math.round(config.processingTimeoutS * 1000) };
}

function isGiven(environment: Environment, key: keyof typeof sidecarSettings): boolean {
  const { name, aliases } = sidecarSettings[key];
  return [name, ...aliases].some((variable) => (environment[variable] ?? "") !== "");
}

function* contradictions(config: SidecarConfig, environment: Environment): Generator<string> {
  const { apiKey, host, mode } = config;
  if (config.requireAuth && apiKey === undefined)
    yield "REQUIRE_AUTH=true: needs a key; set STS_API_KEY or STS_API_KEY_FILE";
  else if (apiKey === undefined && mode === "real" && !isLoopback(host))
    yield `STS_HOST=${host}: an address that others can reach needs a key; set STS_API_KEY, or listen on 127.0.0.1`;
  if (config.varianceSuccessMax >= config.variancePartialMax)
    yield `DURATION_VARIANCE_SUCCESS_MAX=${config.varianceSuccessMax}: must be less than DURATION_VARIANCE_PARTIAL_MAX (${config.variancePartialMax})`;
  const devices = new Set([
    config.asrDevice,
    config.ttsDevice,
    isGiven(environment, "device") ? config.device : undefined,
  ]);
  devices.delete(undefined);
  if (devices.size > 1)
    yield "ASR_DEVICE, TTS_DEVICE, DEVICE: all models run on one device; give them the same value";
  const named = config.translationProvider === "auto" ? [] : config.translationProvider;
  if (named.includes("deepl") && config.deeplApiKey === undefined)
    yield "TRANSLATION_PROVIDER=deepl: needs DEEPL_API_KEY";
  for (const [variable, value] of [
    ["OPENAI_BASE_URL", config.openAiBaseUrl],
    ["OPENAI_TRANSLATION_MODEL", config.openAiTranslationModel],
  ] as const)
    if (named.includes("openai-compatible") && value === undefined)
      yield `TRANSLATION_PROVIDER=openai-compatible: needs ${variable}`;
  if (config.openAiTranslationModel !== undefined && config.openAiBaseUrl === undefined)
    yield `OPENAI_TRANSLATION_MODEL=${config.openAiTranslationModel}: needs OPENAI_BASE_URL`;
  if (config.ttsProvider === "elevenlabs" && config.elevenLabsApiKey === undefined)
    yield "TTS_PROVIDER=elevenlabs: needs ELEVENLABS_API_KEY";
  if (config.ttsProvider === "openai-compatible" && config.openAiBaseUrl === undefined)
    yield "TTS_PROVIDER=openai-compatible: needs OPENAI_BASE_URL";
  if (config.ttsProvider === "local" && config.ttsModel !== "kokoro")
    yield `TTS_MODEL=${config.ttsModel}: must be kokoro, the local model; others need TTS_PROVIDER`;
  const ascending = [
    ["BACKPRESSURE_THRESHOLD_LOW", config.thresholdLow],
    ["BACKPRESSURE_THRESHOLD_MEDIUM", config.thresholdMedium],
    ["BACKPRESSURE_THRESHOLD_HIGH", config.thresholdHigh],
    ["BACKPRESSURE_THRESHOLD_CRITICAL", config.thresholdCritical],
  ] as const;
  const given = ascending.filter((pair) => pair[1] !== undefined);
  for (const [index, [name, threshold]] of given.entries()) {
    const before = given[index - 1];
    if (threshold === undefined || before?.[1] === undefined) continue;
    if (threshold.kind !== before[1].kind)
      yield `${name}=${threshold.value}: is a ${threshold.kind}, but ${before[0]} is a ${before[1].kind}; give all of them as one kind`;
    else if (threshold.value < before[1].value)
      yield `${name}=${threshold.value}: must not be less than ${before[0]} (${before[1].value})`;
  }
}

/** Who translates, in order of preference; each has what it needs. */
export function translationOrder(config: SidecarConfig): readonly TranslationProviderName[] {
  if (config.translationProvider !== "auto") return config.translationProvider;
  const order: TranslationProviderName[] = [];
  if (config.deeplApiKey !== undefined) order.push("deepl");
  if (config.openAiTranslationModel !== undefined) order.push("openai-compatible");
  return [...order, "local"];
}

/** Where inference runs, when the device of either model was named alone. */
export function deviceOf(config: SidecarConfig): "cpu" | "cuda" {
  return config.asrDevice ?? config.ttsDevice ?? config.device;
}
