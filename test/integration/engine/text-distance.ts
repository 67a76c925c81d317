/** Text as it is said: no case, no punctuation, single spaces. */
export function spokenForm(text: string): string {
  return text
    .normalize("NFC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N} ]+/gu, " ")
    .replace(/\s+/gu, " ")
    .trim();
}

/** Edits that make `heard` out of `said`, over the length of `said`, in words. */
export function wordErrorRate(heard: string, said: string): number {
  const words = spokenForm(said).split(" ");
  return editDistance(spokenForm(heard).split(" "), words) / words.length;
}

/** Edits that make `heard` out of `said`, over the length of `said`, in characters. */
export function characterErrorRate(heard: string, said: string): number {
  const characters = Array.from(spokenForm(said));
  return editDistance(Array.from(spokenForm(heard)), characters) / characters.length;
}

function editDistance(one: readonly string[], other: readonly string[]): number {
  let row = Array.from({ length: other.length + 1 }, (_, j) => j);
  for (const [i, item] of one.entries()) {
    const next = [i + 1];
    for (const [j, candidate] of other.entries())
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (item === candidate ? 0 : 1)));
    row = next;
  }
  return row[other.length]!;
}
