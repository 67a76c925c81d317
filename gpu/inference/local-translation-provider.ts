import type {
  LanguagePair,
  ProviderRequest,
  TranslationLimits,
  TranslationProvider,
} from "../pipeline/translation/provider.ts";
import type { InferenceChild } from "./inference-child.ts";
import type { TranslateInfo, TranslateRequest, TranslateResult } from "./messages.ts";

/** Translation by the models of this machine, in their own process. */
export class LocalTranslationProvider implements TranslationProvider {
  readonly name = "local";
  /** The child has limits of its own, and file pacing none. */
  readonly timeoutMs = Infinity;
  /** Short: a child that died is back within 3 s. */
  readonly restMs = 3000;
  /** The models were trained on single sentences: what was said before would be translated again. */
  readonly reads = { context: false, characterBudget: false };

  /** @param child started already: its models say which pairs there are */
  constructor(
    private readonly child: InferenceChild<TranslateRequest, TranslateInfo, TranslateResult>,
  ) {}

  pairs(): LanguagePair[] {
    return this.child.info.models.map(({ source, target }): LanguagePair => [source, target]);
  }

  modelFor(source: string, target: string): string | undefined {
    return this.child.info.models.find(
      (model) => model.source === source && model.target === target,
    )?.name;
  }

  async translate(request: ProviderRequest, limits: TranslationLimits): Promise<string> {
    const { text, source, target } = request;
    return (await this.child.request({ text, source, target }, limits)).text;
  }
}
