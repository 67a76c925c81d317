import type { GlossaryEntry } from "./clause-translation.ts";
import type { Segment } from "./segments.ts";

/** Of each list; contract section 9. */
const mostEntries = 500;
const longestTerm = 200;
/** Scripts that put no space between words: a border between letters means nothing there. */
const unspaced = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}`;
const wordCharacter = String.raw`[\p{L}\p{M}\p{N}_]`;
const startsWord = new RegExp(`^(?![${unspaced}])${wordCharacter}`, "u");
const endsWord = new RegExp(`(?![${unspaced}])${wordCharacter}$`, "u");

/** A list that cannot be used, with the entry that is wrong and what would be right. */
export class TermListError extends Error {
  override readonly name = "TermListError";
}

/**
 * The terms of a session: where the source says one, the target says what the glossary demands, or the
 * same word. Found on word borders, the longest first; an entry without capitals matches any case.
 */
export class TermBook {
  readonly #rendered: readonly (string | undefined)[];
  readonly #pattern: RegExp | undefined;

  /** @throws {TermListError} */
  constructor(glossary: readonly GlossaryEntry[] = [], keepTerms: readonly string[] = []) {
    checkCount("glossary", glossary.length);
    checkCount("keep_terms", keepTerms.length);
    const entries = [
      // The glossary is the more exact wish: of equal sources it comes first.
      ...glossary.map(({ source, target }, at) => ({
        source: cleanTerm(source, `glossary[${at}].source`),
        rendered: cleanTerm(target, `glossary[${at}].target`),
      })),
      ...keepTerms.map((term, at) => ({
        source: cleanTerm(term, `keep_terms[${at}]`),
        rendered: undefined,
      })),
    ].toSorted((one, other) => other.source.length - one.source.length);
    this.#rendered = entries.map(({ rendered }) => rendered);
    if (entries.length === 0) return;
    const alternatives = entries.map(({ source }) => `(${patternOf(source)})`);
    this.#pattern = new RegExp(alternatives.join("|"), "gu");
  }

  /** Cuts text at its terms. */
  segment(text: string): Segment[] {
    if (this.#pattern === undefined) return text === "" ? [] : [text];
    const segments: Segment[] = [];
    let end = 0;
    for (const match of text.matchAll(this.#pattern)) {
      segments.push(text.slice(end, match.index));
      end = match.index + match[0].length;
      const entry = match.findIndex((group, at) => at > 0 && group !== undefined) - 1;
      segments.push({ kind: "term", rendered: this.#rendered[entry] ?? match[0] });
    }
    segments.push(text.slice(end));
    return segments.filter((segment) => segment !== "");
  }
}

function checkCount(field: string, count: number): void {
  if (count > mostEntries)
    throw new TermListError(`${field}: ${count} entries; at most ${mostEntries} are taken`);
}

function checkLength(term: string, field: string): string {
  if (term.length > longestTerm)
    throw new TermListError(
      `${field}: ${term.length} characters; a term has at most ${longestTerm}`,
    );
  return term;
}

function cleanTerm(term: string, field: string): string {
  const clean = checkLength(term.normalize("NFC").trim().replaceAll(/\s+/gu, " "), field);
  if (clean === "") throw new TermListError(`${field}: is empty; a term has at least one letter`);
  return clean;
}

function patternOf(term: string): string {
  const escaped = term
    .replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
    .replaceAll(" ", String.raw`\s+`)
    .replaceAll(/['’]/gu, "['’]");
  const before = startsWord.test(term) ? `(?<!${wordCharacter})` : "";
  const after = endsWord.test(term) ? `(?!${wordCharacter})` : "";
  const anyCase = term === term.toLowerCase();
  return before + (anyCase ? `(?i:${escaped})` : escaped) + after;
}
