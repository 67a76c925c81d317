/** The smallest piece of text that a line may begin with: a word with its punctuation. */
export interface Atom {
  readonly text: string;
  /** Columns of a caption line: one a grapheme, two for East Asian wide ones and emoji. */
  readonly columns: number;
  /** User-perceived characters, which reading speed counts. */
  readonly graphemes: number;
  /** Whether a blank stands between the atom before and this one. */
  readonly spaced: boolean;
  /** Which word of the text (split at blanks) it belongs to, counted from 0. */
  readonly word: number;
}

const graphemeSegmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const wordSegmenter = new Intl.Segmenter(undefined, { granularity: "word" });
/** Scripts that are written without blanks between words. */
const withoutBlanks =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const opensBracket = /^[([{「『（〈《【“‘¿¡]+$/u;
const control = /\p{Cc}+/gu;

/**
 * Takes a text apart at blanks; within words longer than a line, and in scripts without blanks, also
 * between words as Unicode segments them, at worst between graphemes.
 *
 * @param mostColumns no atom is wider
 */
export function atomsOf(text: string, mostColumns: number): Atom[] {
  const words = wordsOf(text);
  return words.flatMap((word, index) => {
    const pieces =
      columnsOf(word) <= mostColumns && !withoutBlanks.test(word)
        ? [word]
        : segmentsOf(word).flatMap((piece) => cutToWidth(piece, mostColumns));
    return pieces.map((piece, at) => ({
      text: piece,
      columns: columnsOf(piece),
      graphemes: graphemesOf(piece).length,
      spaced: at === 0 && index > 0,
      word: index,
    }));
  });
}

/** The words of a text: what stands between blanks, control characters taken for blanks. */
export function wordsOf(text: string): string[] {
  return text
    .toWellFormed()
    .replaceAll(control, " ")
    .split(/\s+/u)
    .filter((word) => word !== "");
}

/** Atoms put together again. */
export function textOf(atoms: readonly Atom[]): string {
  return atoms
    .map((atom, index) => (atom.spaced && index > 0 ? ` ${atom.text}` : atom.text))
    .join("");
}

/** How many characters of a line atoms take, blanks between them counted in. */
export function widthOf(atoms: readonly Atom[]): number {
  return atoms.reduce(
    (sum, atom, index) => sum + atom.columns + (atom.spaced && index > 0 ? 1 : 0),
    0,
  );
}

/** User-perceived characters of a text. */
export function graphemesOf(text: string): string[] {
  return [...graphemeSegmenter.segment(text)].map(({ segment }) => segment);
}

/** The width of a text in columns of a caption line. */
export function columnsOf(text: string): number {
  return graphemesOf(text).reduce((sum, grapheme) => sum + columnsOfGrapheme(grapheme), 0);
}

/** Never 0: a stray combining mark is shown on a place of its own. */
function columnsOfGrapheme(grapheme: string): number {
  return Math.min(2, Math.max(1, Bun.stringWidth(grapheme)));
}

/** Segments with punctuation left on the word that it follows, an opening bracket on the one after it. */
function segmentsOf(word: string): string[] {
  const pieces: string[] = [];
  let opening = "";
  for (const { segment, isWordLike } of wordSegmenter.segment(word)) {
    const last = pieces.length - 1;
    if (opensBracket.test(segment)) opening += segment;
    else if (isWordLike === true || last < 0 || opening !== "") {
      pieces.push(opening + segment);
      opening = "";
    } else pieces[last] += segment;
  }
  if (opening !== "") pieces.push(opening);
  return pieces;
}

function cutToWidth(piece: string, mostColumns: number): string[] {
  if (columnsOf(piece) <= mostColumns) return [piece];
  const cut: string[] = [];
  let line = "";
  let columns = 0;
  for (const grapheme of graphemesOf(piece)) {
    const width = columnsOfGrapheme(grapheme);
    if (columns + width > mostColumns) {
      cut.push(line);
      line = "";
      columns = 0;
    }
    line += grapheme;
    columns += width;
  }
  return [...cut, line];
}
