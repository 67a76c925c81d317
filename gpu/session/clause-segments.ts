import type { ClauseMessage } from "../../src/protocol/sts-fragment.ts";
import type { ClauseBook, ClauseEntry, SpokenDub } from "./clause-book.ts";
import type { SourceSegment } from "./fragment-processor.ts";

/** The source's segments of the clauses that an answer tells of, with what the recogniser said of them. */
export function segmentsOfClauses(
  clauses: readonly ClauseMessage[],
  book: Pick<ClauseBook, "recordOf">,
): SourceSegment[] {
  return clauses.map((message) => {
    const { start_ms: startMs, end_ms: endMs, source_text: text, words } = message;
    const said = book.recordOf(message)?.clause.words ?? [];
    return {
      ...{ startMs, endMs, text },
      confidence: meanOfKnown(said.map((word) => word.confidence ?? word.pass?.confidence)),
      noSpeechProbability: meanOfKnown(said.map(({ pass }) => pass?.noSpeechProbability)),
      languageProbability: meanOfKnown(said.map(({ pass }) => pass?.languageProbability)),
      words: words?.map((word, index) => ({
        text: word.word,
        startMs: word.start_ms,
        endMs: word.end_ms,
        confidence: said[index]?.confidence,
      })),
    };
  });
}

/** How the dubs of clauses came out in one language: how long they were before they were fitted, and whether they did. */
export function spokenIn(
  language: string,
  clauses: readonly ClauseMessage[],
  book: Pick<ClauseBook, "recordOf">,
): { readonly rawDurationMs: number; readonly speedClamped: boolean } {
  const dubs = clauses.flatMap((message): SpokenDub[] => {
    const record: ClauseEntry | undefined = book.recordOf(message);
    const isTold = message.dub?.[language] !== undefined;
    const spoken = isTold ? record?.spoken.get(language) : undefined;
    return spoken === undefined ? [] : [spoken];
  });
  return {
    rawDurationMs: Math.round(dubs.reduce((sum, { naturalMs }) => sum + naturalMs, 0)),
    speedClamped: dubs.some(({ clamped }) => clamped),
  };
}

/** The mean of what is known; undefined where nothing is. */
export function meanOfKnown(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return undefined;
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}
