import type { CaptionUnit } from "./cue-layout.ts";

/** A stretch of stream time, in samples. */
interface Place {
  readonly startSample: number;
  readonly endSample: number;
}

/** What captions read of a clause; `protocol/clause-report.ts` has the whole of it. */
interface SpokenClause extends Place {
  readonly sourceText: string;
  readonly words?: readonly (Place & { readonly word: string })[] | undefined;
  readonly targets: readonly (Place & { readonly language: string; readonly text: string })[];
}

const samplesPerMs = 48;
const timesOf = ({ startSample, endSample }: Place) => ({
  startMs: startSample / samplesPerMs,
  endMs: endSample / samplesPerMs,
});

/** The clause's captions by language: the source's where they are said, the others where the dub says them. */
export function captionUnitsOf(
  clause: SpokenClause,
  sourceLanguage: string,
): { readonly language: string; readonly unit: CaptionUnit }[] {
  const words = clause.words?.map((word) => ({ word: word.word, ...timesOf(word) }));
  const source = { text: clause.sourceText, ...timesOf(clause), words };
  const all = [
    { language: sourceLanguage, unit: source },
    ...clause.targets
      .filter(({ language }) => language !== sourceLanguage)
      .map((target) => ({
        language: target.language,
        unit: { text: target.text, ...timesOf(target) },
      })),
  ];
  return all.filter(({ unit }) => unit.text.trim() !== "");
}
