import type { TranslationProviderName } from "../../src/config/sidecar-providers.ts";
import { DeepLProvider } from "../pipeline/deepl.ts";
import { OpenAiCompatibleProvider } from "../pipeline/openai-compatible.ts";
import type { TranslationProvider } from "../pipeline/translation/provider.ts";

/** The services that translate beside the local models, and who is asked first. */
export interface TranslationServices {
  /** In order of preference; every service named here has its settings below. */
  readonly order: readonly TranslationProviderName[];
  readonly deepl?: {
    /** Never logged. */
    readonly apiKey: string;
    /** Another server than the service's own, for tests and gateways. */
    readonly serverUrl?: string;
  };
  readonly openAi?: {
    readonly baseUrl: string;
    /** Never logged. */
    readonly apiKey?: string | undefined;
    readonly model: string;
  };
}

/** The providers in their order. @throws {RangeError} for a service that is named and not set up */
export function createTranslationProviders(
  services: TranslationServices,
  local: TranslationProvider,
  timeoutMs: number | undefined,
): TranslationProvider[] {
  const { order, deepl, openAi } = services;
  return order.map((name) => {
    if (name === "local") return local;
    if (name === "deepl" && deepl !== undefined)
      return new DeepLProvider({ ...deepl, ...(timeoutMs !== undefined && { timeoutMs }) });
    if (name === "openai-compatible" && openAi !== undefined)
      return new OpenAiCompatibleProvider({ ...openAi, timeoutMs });
    throw new RangeError(`the translation service ${name} is named, but not set up`);
  });
}
