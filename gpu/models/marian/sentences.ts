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
  const parts: string[] = [];
  let rest = sentence;
  while (length(rest) > longest) {
    const cut = cutOf(rest, longest, length);
    parts.push(rest.slice(0, cut).trim());
    rest = rest.slice(cut).trim();
  }
  return [...parts, rest].filter((part) => part !== "");
}

/** Looked at for a cut, for each unit of the limit: reading 10,000 characters anew for each cut takes minutes. */
const charactersPerUnit = 8;

function cutOf(text: string, longest: number, length: (text: string) => number): number {
  const near = text.slice(0, longest * charactersPerUnit);
  const fits = (at: number) => at < text.length && length(text.slice(0, at)) <= longest;
  const lastFitting = (pattern: RegExp) =>
    lastWhere(
      [...near.matchAll(pattern)].map((match) => match.index + match[0].length),
      fits,
    );
  return lastFitting(/[,;:—–]\s+/gu) ?? lastFitting(/\s+/gu) ?? Math.min(longest, text.length - 1);
}

/** The last position that fits, by halving: what fits grows with the position. */
function lastWhere(
  positions: readonly number[],
  fits: (at: number) => boolean,
): number | undefined {
  let [low, high] = [0, positions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(positions[middle]!)) low = middle + 1;
    else high = middle;
  }
  return positions[low - 1];
}
