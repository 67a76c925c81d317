import {
  AuthorizationError,
  ConnectionError,
  DeepLClient,
  QuotaExceededError,
  type SourceLanguageCode,
  type TargetLanguageCode,
  TooManyRequestsError,
} from "deepl-node";
import { EngineError, type EngineErrorCode } from "../inference/engine-error.ts";
import type {
  LanguagePair,
  ProviderRequest,
  TranslationLimits,
  TranslationProvider,
} from "./translation/provider.ts";

/** What the service translates from, as far as our recogniser may hear it (its documentation, 2026). */
const sources =
  "ar bg cs da de el en es et fi fr hu id it ja ko lt lv nb nl pl pt ro ru sk sl sv tr uk zh".split(
    " ",
  ) as SourceLanguageCode[];

/** What it translates into, as far as our voices may say it; the accents are the voices' own. */
const targets: Readonly<Record<string, TargetLanguageCode>> = {
  en: "en-US",
  es: "es",
  fr: "fr",
  it: "it",
  pt: "pt-BR",
};

export interface DeepLOptions {
  /** Never logged. */
  readonly apiKey: string;
  /** Another server than the service's own, for tests and gateways. */
  readonly serverUrl?: string;
  readonly timeoutMs?: number;
}

/** Translation by DeepL, through its own client. */
export class DeepLProvider implements TranslationProvider {
  readonly name = "deepl";
  readonly restMs = 30_000;
  readonly reads = { context: true, characterBudget: false };
  readonly timeoutMs: number;
  readonly #client: DeepLClient;

  constructor(options: DeepLOptions) {
    this.timeoutMs = options.timeoutMs ?? 5000;
    this.#client = new DeepLClient(options.apiKey, {
      maxRetries: 1,
      minTimeout: this.timeoutMs,
      ...(options.serverUrl === undefined ? {} : { serverUrl: options.serverUrl }),
    });
  }

  pairs(): LanguagePair[] {
    return sources.flatMap((source) =>
      Object.keys(targets)
        .filter((target) => target !== source)
        .map((target): LanguagePair => [source, target]),
    );
  }

  modelFor(source: string, target: string): string | undefined {
    const serves =
      source !== target && target in targets && sources.some((known) => known === source);
    return serves ? this.name : undefined;
  }

  async translate(request: ProviderRequest, limits: TranslationLimits): Promise<string> {
    const { text, source, target, context } = request;
    const targetCode = targets[target];
    const sourceCode = sources.find((known) => known === source);
    if (targetCode === undefined || sourceCode === undefined)
      throw new RangeError(`DeepL is not asked for ${source} to ${target}`);
    const asked = this.#client.translateText(text, sourceCode, targetCode, {
      splitSentences: "nonewlines",
      ...(context && { context }),
    });
    const answer = await withinLimits(asked, limits, this.timeoutMs).catch((cause: unknown) => {
      throw deepLFailure(cause);
    });
    return answer.text;
  }
}

/** The contract's words for what the client throws. The key never stands in its messages. */
function deepLFailure(cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause;
  const said = cause instanceof Error ? cause.message : String(cause);
  const failure = (code: EngineErrorCode, retryable: boolean, message: string) =>
    new EngineError(code, { message, retryable, blame: "upstream", stage: "translation", cause });
  if (cause instanceof TooManyRequestsError)
    return failure("RATE_LIMIT_EXCEEDED", true, "DeepL: too many requests");
  if (cause instanceof QuotaExceededError)
    return failure("TRANSLATION_API_UNAVAILABLE", false, "DeepL: this key's quota is used up");
  if (cause instanceof AuthorizationError)
    return failure(
      "TRANSLATION_API_UNAVAILABLE",
      false,
      "DeepL refuses the key: check DEEPL_API_KEY",
    );
  if (cause instanceof ConnectionError)
    return failure("NETWORK_ERROR", true, `DeepL cannot be reached: ${said}`);
  return failure("TRANSLATION_API_UNAVAILABLE", true, `DeepL: ${said}`);
}

/** The client cannot be cancelled: its answer is left alone once time is up. */
async function withinLimits<Answer>(
  asked: Promise<Answer>,
  limits: TranslationLimits,
  longestMs: number,
): Promise<Answer> {
  const leftMs = (limits.deadlineAtMs ?? Infinity) - performance.now();
  const waitMs = Math.max(0, Math.min(limits.timeoutMs ?? longestMs, longestMs, leftMs));
  const { promise: over, reject } = Promise.withResolvers<never>();
  const giveUp = () =>
    reject(
      new EngineError("TIMEOUT", {
        message: `DeepL did not answer within ${Math.round(waitMs)} ms`,
        retryable: true,
        blame: "upstream",
        stage: "translation",
      }),
    );
  const timer = setTimeout(giveUp, waitMs);
  limits.signal?.addEventListener("abort", giveUp, { once: true });
  try {
    return await Promise.race([asked, over]);
  } finally {
    clearTimeout(timer);
    limits.signal?.removeEventListener("abort", giveUp);
    asked.catch(() => {}); // it may still fail after we left
  }
}
