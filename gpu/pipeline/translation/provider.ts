/** Primary subtags. */
export type LanguagePair = readonly [source: string, target: string];

export interface TranslationLimits {
  readonly signal?: AbortSignal | undefined;
  /** On `performance.now()`'s clock. */
  readonly deadlineAtMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

/** What a provider is asked: plain text, in which kept terms stand as codes. */
export interface ProviderRequest {
  readonly text: string;
  /** Primary subtags. */
  readonly source: string;
  readonly target: string;
  /** What was said before, in the source language; not to be translated. */
  readonly context?: string | undefined;
  /** Characters that the translation should not exceed: a wish. */
  readonly characterBudget?: number | undefined;
}

/** One way to translate: a local model, or a service. Languages are primary subtags. */
export interface TranslationProvider {
  readonly name: string;
  /** Longest that one request may take, ms, where its caller sets no tighter limit. */
  readonly timeoutMs: number;
  /** How long it rests after five failures in a row, ms. */
  readonly restMs: number;
  /** What of a request, beside text and languages, changes its answer. */
  readonly reads: { readonly context: boolean; readonly characterBudget: boolean };
  pairs(): LanguagePair[];
  /** What translates this pair, for the answer's metadata; undefined when nothing does. */
  modelFor(source: string, target: string): string | undefined;
  /** @throws {EngineError} of stage `translation` */
  translate(request: ProviderRequest, limits: TranslationLimits): Promise<string>;
}
