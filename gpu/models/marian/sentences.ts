/** Words whose full stop ends no sentence, in the languages we translate from. */
const abbreviations = new Set(
  (
    "mr mrs ms dr prof sr sra srta st jr vs gen col lt sgt rev hon gov sen rep no vol fig " +
    "inc ltd co corp av d exmo exma pág núm art"
  )
    .split(" ")
    .map((word) => `${word}.`),
);

/** A mark that may end a sentence, closing quotes or brackets after it, then space and a beginning. */
const boundary = /([.!?…]+["'”’»)\]]*)\s+(?=["'“‘«([¿¡]*[\p{Lu}\p{N}])/gu;

/**
 * Cuts text into sentences. Initials (`J. F. Kennedy`) and common abbreviations end none.
 *
 * @returns trimmed sentences in order; none for blank text
 */
export function splitSentences(text: string): string[] {
  const sentences: string[] = [];
  let start = 0;
  for (const match of text.matchAll(boundary)) {
    const end = match.index + match[1]!.length;
    const lastWord = text.slice(start, end).split(/\s+/u).at(-1)?.toLowerCase() ?? "";
    const isInitial = /^\p{L}\.$/u.test(lastWord);
    if (isInitial || abbreviations.has(lastWord)) continue;
    sentences.push(text.slice(start, end).trim());
    start = end;
  }
  sentences.push(text.slice(start).trim());
  return sentences.filter((sentence) => sentence !== "");
}

/**
 * Cuts a sentence that is too long for the translator, at the last comma-like mark within the limit, else
 * at the last space, else anywhere.
 *
 * @param length the count that is limited, for example tokens of a text
 */
export function splitLong(
  sentence: string,
  longest: number,
  length: (text: string) => number,
): string[] {
  if (length(sentence) <= longest) return [sentence];
  const marks = [...sentence.matchAll(/[,;:—–]\s+/gu)].map((m) => m.index + m[0].length);
  const spaces = [...sentence.matchAll(/\s+/gu)].map((m) => m.index + m[0].length);
  const fits = (at: number) => at < sentence.length && length(sentence.slice(0, at)) <= longest;
  const cut =
    marks.findLast(fits) ?? spaces.findLast(fits) ?? Math.min(longest, sentence.length - 1);
  const [head, tail] = [sentence.slice(0, cut).trim(), sentence.slice(cut).trim()];
  return [head, ...splitLong(tail, longest, length)].filter((part) => part !== "");
}
