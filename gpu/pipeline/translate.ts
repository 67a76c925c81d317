import { EngineError } from "../inference/engine-error.ts";

export type LanguagePair = readonly [source: string, target: string];

export interface TranslationLimits {
  readonly signal?: AbortSignal | undefined;
  readonly deadlineAtMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

/** One way to translate: a local model, or a service. Languages are primary subtags. */
export interface TranslationProvider {
  readonly name: string;
  pairs(): LanguagePair[];
  /** What translates this pair, for the answer's metadata; undefined when nothing does. */
  modelFor(source: string, target: string): string | undefined;
  /** @throws {EngineError} of stage `translation` */
  translate(
    text: string,
    source: string,
    target: string,
    limits: TranslationLimits,
  ): Promise<string>;
}

export interface Translation {
  readonly text: string;
  /** What translated it. */
  readonly model: string;
  /** Providers that failed before this one answered. */
  readonly fellBackFrom: readonly string[];
}

/** Providers in order of preference: the first that serves the pair is asked, the next when it fails. */
export class TranslationChain {
  constructor(private readonly providers: readonly TranslationProvider[]) {}

  /** Every pair that some provider serves, without repetition. */
  pairs(): [string, string][] {
    const all = this.providers.flatMap((provider) => provider.pairs());
    const unique = new Map(
      all.map(([source, target]) => [`${source}-${target}`, [source, target]]),
    );
    return [...unique.values()] as [string, string][];
  }

  /** What a pair is given to first; undefined when nothing serves it. */
  modelFor(source: string, target: string): string | undefined {
    for (const provider of this.providers) {
      const model = provider.modelFor(source, target);
      if (model !== undefined) return model;
    }
    return undefined;
  }

  /** @throws {EngineError} `UNSUPPORTED_LANGUAGE`, or the last provider's failure */
  async translate(
    text: string,
    source: string,
    target: string,
    limits: TranslationLimits,
  ): Promise<Translation> {
    const fellBackFrom: string[] = [];
    let failure: Error | undefined;
    for (const provider of this.providers) {
      const model = provider.modelFor(source, target);
      if (model === undefined) continue;
      try {
        const translated = await provider.translate(text, source, target, limits);
        return { text: translated, model, fellBackFrom };
      } catch (cause) {
        if (limits.signal?.aborted) throw cause;
        fellBackFrom.push(provider.name);
        failure = cause instanceof Error ? cause : new Error(String(cause));
      }
    }
    throw failure ?? unsupportedPair(source, target, this.pairs());
  }
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
      "DEEPL_API_KEY adds the languages of that service",
    retryable: false,
    blame: "caller",
    metadata: { pairs },
  });
}
