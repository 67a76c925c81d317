import type { ClauseReport } from "../protocol/clause-report.ts";
import type { SettledFragment } from "./settled-fragment.ts";

/**
 * What a fragment that was processed by itself says, as one clause; undefined when it says nothing.
 * @param language of its dub
 */
export function clauseOfFragment(
  fragment: SettledFragment,
  language: string,
): ClauseReport | undefined {
  const { startSample, endSample, transcript, translatedText } = fragment;
  const sourceText = transcript.trim();
  const text = translatedText.trim();
  if (sourceText === "" && text === "") return undefined;
  const dub = {
    startSample: fragment.dubStartSample ?? startSample,
    endSample: fragment.dubEndSample ?? endSample,
  };
  return {
    type: "clause",
    clauseId: fragment.fragmentId,
    startSample,
    endSample,
    sourceText,
    targets: text === "" ? [] : [{ language, text, ...dub }],
  };
}
