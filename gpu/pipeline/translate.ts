import { EngineError } from "../inference/engine-error.ts";
import type { TranslateClauseRequest, Translation } from "./translation/clause-translation.ts";
import { type FaithfulTranslation, translateFaithfully } from "./translation/faithful.ts";
import { CutShort, ProviderBreaker } from "./translation/provider-breaker.ts";
import type {
  LanguagePair,
  TranslationLimits,
  TranslationProvider,
} from "./translation/provider.ts";
import { TermBook, TermListError } from "./translation/terms.ts";
import { TranslationCache } from "./translation/translation-cache.ts";

/** More is no clause, nor the text of a fragment. */
const longestText = 20_000;
/** Of the time left, what a provider may take while another could still answer. */
const shareBeforeOthers = 0.6;
/** Cut off earlier than this by its caller, a provider had no fair chance. */
const fairChanceMs = 1000;

interface Guarded {
  readonly provider: TranslationProvider;
  readonly breaker: ProviderBreaker;
}

export interface TranslationChainOptions {
  /** Told for each request whether the cache had the answer. */
  readonly onCache?: ((hit: boolean) => void) | undefined;
}

/**
 * Providers in order of preference: the first that serves the pair is asked, the next when it fails. One
 * that keeps failing rests for a while. Terms and numbers survive whichever answers.
 */
export class TranslationChain {
  readonly #providers: readonly Guarded[];
  readonly #cache = new TranslationCache();
  #book: { readonly key: string; readonly book: TermBook } = { key: "", book: new TermBook() };

  constructor(
    providers: readonly TranslationProvider[],
    private readonly options: TranslationChainOptions = {},
  ) {
    this.#providers = providers.map((provider) => ({
      provider,
      breaker: new ProviderBreaker(provider.restMs),
    }));
  }

  /** Every pair that some provider serves, without repetition. */
  pairs(): [string, string][] {
    const all = this.#providers.flatMap(({ provider }) => provider.pairs());
    const unique = new Map(
      all.map(([source, target]) => [`${source}-${target}`, [source, target]]),
    );
    return [...unique.values()] as [string, string][];
  }

  /** What a pair is given to first; undefined when nothing serves it. */
  modelFor(source: string, target: string): string | undefined {
    for (const { provider } of this.#providers) {
      const model = provider.modelFor(source, target);
      if (model !== undefined) return model;
    }
    return undefined;
  }

  /**
   * @throws {EngineError} `UNSUPPORTED_LANGUAGE`; `INVALID_TEXT` for a text or term list beyond its limits;
   *   else the last provider's failure
   */
  async translate(
    request: TranslateClauseRequest,
    limits: TranslationLimits = {},
  ): Promise<Translation> {
    const { source, target } = request;
    const serving = this.#providers.filter(
      ({ provider }) => provider.modelFor(source, target) !== undefined,
    );
    if (serving.length === 0) throw unsupportedPair(source, target, this.pairs());
    const book = this.#bookOf(request);
    const attempt: Attempt = { request, limits, book, fellBackFrom: [] };
    const cached = this.#fromCache(serving, request);
    this.options.onCache?.(cached !== undefined);
    if (cached !== undefined) return cached;

    let failure: Error | undefined;
    for (const [at, guarded] of serving.entries()) {
      const { provider, breaker } = guarded;
      if (!breaker.admits()) {
        attempt.fellBackFrom.push(provider.name);
        failure ??= resting(provider.name);
        continue;
      }
      try {
        return await this.#ask(guarded, attempt, at === serving.length - 1);
      } catch (cause) {
        failure = cause instanceof CutShort ? (cause.cause as Error) : (cause as Error);
        if (limits.signal?.aborted) throw failure;
        attempt.fellBackFrom.push(provider.name);
      }
    }
    throw failure ?? unsupportedPair(source, target, this.pairs());
  }

  async #ask({ provider, breaker }: Guarded, attempt: Attempt, last: boolean) {
    const { request, limits, book, fellBackFrom } = attempt;
    const { source, target, text, context, characterBudget } = request;
    const leftMs = (limits.deadlineAtMs ?? Infinity) - performance.now();
    const ownMs = Math.min(provider.timeoutMs, limits.timeoutMs ?? provider.timeoutMs);
    const timeoutMs = Math.min(ownMs, last ? leftMs : leftMs * shareBeforeOthers);
    const begun = performance.now();
    const ask = (marked: string) =>
      provider.translate(
        { text: marked, source, target, context, characterBudget },
        { ...limits, timeoutMs: leftOf(timeoutMs, begun) },
      );
    const faithful = await breaker.run(async () => {
      try {
        return await translateFaithfully(text, { source, target }, book, ask);
      } catch (cause) {
        const unfair = timeoutMs < Math.min(ownMs, fairChanceMs);
        const timedOut = cause instanceof EngineError && cause.code === "TIMEOUT";
        if (limits.signal?.aborted || (timedOut && unfair))
          throw new CutShort("cut short", { cause });
        throw cause;
      }
    });
    // One that lost something may do better the next time.
    if (faithful.warnings.length === 0) this.#cache.set(cacheKey(provider, request), faithful);
    return answer(provider, request, faithful, fellBackFrom);
  }

  /** The answer of the first provider that may be asked, when it gave it before. */
  #fromCache(
    serving: readonly Guarded[],
    request: TranslateClauseRequest,
  ): Translation | undefined {
    const fellBackFrom: string[] = [];
    for (const { provider, breaker } of serving) {
      const cached = this.#cache.get(cacheKey(provider, request));
      if (cached !== undefined) return answer(provider, request, cached, fellBackFrom);
      if (breaker.admits()) return undefined;
      fellBackFrom.push(provider.name);
    }
    return undefined;
  }

  #bookOf({ text, glossary, keepTerms }: TranslateClauseRequest): TermBook {
    if (text.length > longestText)
      throw invalid(`a text of ${text.length} characters; at most ${longestText} are taken`);
    const key = JSON.stringify([glossary, keepTerms]);
    try {
      // A session's lists stay the same from clause to clause: the last book is kept.
      if (this.#book.key !== key) this.#book = { key, book: new TermBook(glossary, keepTerms) };
    } catch (cause) {
      if (cause instanceof TermListError) throw invalid(cause.message);
      throw cause;
    }
    return this.#book.book;
  }
}

interface Attempt {
  readonly request: TranslateClauseRequest;
  readonly limits: TranslationLimits;
  readonly book: TermBook;
  readonly fellBackFrom: string[];
}

/** Undefined where there is no limit, as a provider takes it. */
function leftOf(timeoutMs: number, begunAtMs: number): number | undefined {
  if (timeoutMs === Infinity) return undefined;
  return Math.max(0, timeoutMs - (performance.now() - begunAtMs));
}

function cacheKey(provider: TranslationProvider, request: TranslateClauseRequest): unknown[] {
  const { source, target, text, glossary = [], keepTerms = [] } = request;
  const { reads } = provider;
  return [
    ...[provider.name, source, target, text],
    ...[glossary.map((entry) => [entry.source, entry.target]), keepTerms],
    reads.context ? (request.context ?? null) : null,
    reads.characterBudget ? (request.characterBudget ?? null) : null,
  ];
}

function answer(
  provider: TranslationProvider,
  { source, target }: TranslateClauseRequest,
  { text, warnings }: FaithfulTranslation,
  fellBackFrom: readonly string[],
): Translation {
  const model = provider.modelFor(source, target) ?? provider.name;
  return { text, model, fellBackFrom: [...fellBackFrom], warnings };
}

function invalid(message: string): EngineError {
  return new EngineError("INVALID_TEXT", {
    message,
    retryable: false,
    blame: "caller",
    stage: "translation",
  });
}

function resting(name: string): EngineError {
  return new EngineError("TRANSLATION_API_UNAVAILABLE", {
    message: `${name} failed several times in a row and rests`,
    retryable: true,
    blame: name === "local" ? "us" : "upstream",
    stage: "translation",
  });
}

/** The error for a pair that nothing serves; says what is served. */
export function unsupportedPair(
  source: string,
  target: string,
  pairs: readonly LanguagePair[],
): EngineError {
  const served = pairs.map(([from, to]) => `${from}→${to}`).join(", ");
  return new EngineError("UNSUPPORTED_LANGUAGE", {
    message:
      `nothing here dubs ${source}→${target}; served: ${served}. ` +
      "DEEPL_API_KEY or OPENAI_TRANSLATION_MODEL adds the languages of that service",
    retryable: false,
    blame: "caller",
    metadata: { pairs },
  });
}
