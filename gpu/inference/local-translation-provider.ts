import type {
  LanguagePair,
  TranslationLimits,
  TranslationProvider,
} from "../pipeline/translate.ts";
import type { InferenceChild } from "./inference-child.ts";
import type { TranslateInfo, TranslateRequest, TranslateResult } from "./messages.ts";

/** Translation by the models of this machine, in their own process. */
export class LocalTranslationProvider implements TranslationProvider {
  readonly name = "local";

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

  async translate(
    text: string,
    source: string,
    target: string,
    limits: TranslationLimits,
  ): Promise<string> {
    return (await this.child.request({ text, source, target }, limits)).text;
  }
}
