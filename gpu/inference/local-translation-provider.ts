import { splitLong, splitSentences } from "../models/marian/sentences.ts";
import type {
  LanguagePair,
  ProviderRequest,
  TranslationLimits,
  TranslationProvider,
} from "../pipeline/translation/provider.ts";
import type { InferenceChild } from "./inference-child.ts";
import type { TranslateInfo, TranslateRequest, TranslateResult } from "./messages.ts";

/**
 * Of one request to the child. A model's run cannot be cancelled: what is longer would hold up others, and
 * outlive its own deadline, by seconds.
 */
const longestRunCharacters = 1000;

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
    const { source, target } = request;
    const begun = performance.now();
    const translated: string[] = [];
    for (const text of inRuns(request.text)) {
      const leftMs = (limits.timeoutMs ?? Infinity) - (performance.now() - begun);
      const timeoutMs = leftMs === Infinity ? undefined : Math.max(0, leftMs);
      translated.push(
        (await this.child.request({ text, source, target }, { ...limits, timeoutMs })).text,
      );
    }
    return translated.join(" ");
  }
}

/** Whole sentences, as many together as one run may take. */
function inRuns(text: string): string[] {
  if (text.length <= longestRunCharacters) return [text];
  const parts = splitSentences(text).flatMap((sentence) =>
    splitLong(sentence, longestRunCharacters, (part) => part.length),
  );
  const runs: string[] = [];
  let run = "";
  for (const part of parts) {
    if (run !== "" && run.length + part.length >= longestRunCharacters) {
      runs.push(run);
      run = "";
    }
    run += run === "" ? part : ` ${part}`;
  }
  return [...runs, run].filter((one) => one !== "");
}
