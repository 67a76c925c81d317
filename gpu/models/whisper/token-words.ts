/** A word of a transcription and the tokens it is made of. */
export interface TokenWord {
  /** With its marks, without space around it. */
  readonly text: string;
  /** Index of its first token, and of the first token after it. */
  readonly from: number;
  readonly to: number;
}

/** What must be known of the tokens. */
export interface TokenReading {
  /** Text of tokens, without space around it; `\uFFFD` where they end within a character. */
  decode(ids: readonly number[]): string;
  beginsWithSpace(id: number): boolean;
  /** True for a language that is written without spaces: each token with whole characters is a word. */
  readonly unspaced: boolean;
}

/** The words of text tokens, in order; a mark that stands alone belongs to the word before it. */
export function wordsOfTokens(ids: readonly number[], reading: TokenReading): TokenWord[] {
  const word = (from: number, to: number): TokenWord => ({
    text: reading.decode(ids.slice(from, to)),
    from,
    to,
  });
  const words: TokenWord[] = [];
  for (let from = 0, to = 0; from < ids.length; from = to) {
    to = endOfCharacters(ids, from, reading);
    const open = words.at(-1);
    const begins = reading.unspaced || reading.beginsWithSpace(ids[from]!);
    if (open === undefined || begins) words.push(word(from, to));
    else words[words.length - 1] = word(open.from, to);
  }
  const joined: TokenWord[] = [];
  for (const next of words.filter(({ text }) => text !== "")) {
    const before = joined.at(-1);
    if (before === undefined || /[\p{L}\p{N}]/u.test(next.text)) joined.push(next);
    else joined[joined.length - 1] = word(before.from, next.to);
  }
  return joined;
}

/** Index after the tokens that, from here on, make whole characters: one character may take several. */
function endOfCharacters(ids: readonly number[], from: number, reading: TokenReading): number {
  let to = from + 1;
  while (to < ids.length && reading.decode(ids.slice(from, to)).includes("\uFFFD")) to++;
  return to;
}
