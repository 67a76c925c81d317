import { deviceOf, translationOrder, type SidecarConfig } from "../../src/config/sidecar-rules.ts";
import { selfCommand } from "../../src/process/self.ts";
import type { Logger } from "../../src/telemetry/log.ts";
import { createRealEngine, type RealEngineOptions } from "../inference/real-engine.ts";
import type { TranslationServices } from "../inference/translation-services.ts";
import { voiceService } from "../inference/voice-service.ts";

/** Folder of the weights, and named voices. */
export type EngineModels = Pick<RealEngineOptions, "modelsDir" | "voiceProfiles">;

/** The engine of real models as the settings describe it; not started yet. */
export function createConfiguredEngine(
  config: SidecarConfig,
  models: EngineModels,
  logger: Logger,
  observers: Pick<RealEngineOptions, "onStage" | "childObserver" | "onTranslationCache"> = {},
): ReturnType<typeof createRealEngine> {
  return createRealEngine({
    ...models,
    ...observers,
    logger,
    childCommand: (task) => selfCommand("livedub-sts", task),
    executionProvider: deviceOf(config),
    asrModel: config.asrModel,
    translation: translationServices(config),
    voiceService: voiceService(config),
    asrTimeoutMs: config.asrTimeoutMs,
    translationTimeoutMs: config.translationTimeoutMs,
    ttsTimeoutMs: config.ttsTimeoutMs,
    queueMaxDepth: config.queueMaxDepth,
  });
}

function translationServices(config: SidecarConfig): TranslationServices {
  const { deeplApiKey, openAiBaseUrl, openAiApiKey, openAiTranslationModel } = config;
  const hasOpenAi = openAiBaseUrl !== undefined && openAiTranslationModel !== undefined;
  return {
    order: translationOrder(config),
    ...(deeplApiKey !== undefined && { deepl: { apiKey: deeplApiKey } }),
    ...(hasOpenAi && {
      openAi: { baseUrl: openAiBaseUrl, apiKey: openAiApiKey, model: openAiTranslationModel },
    }),
  };
}
