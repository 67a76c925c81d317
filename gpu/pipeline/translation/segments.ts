/** A stretch that no translator may touch: what stands for it in the target. */
export interface Span {
  readonly kind: "term" | "quantity";
  readonly rendered: string;
}

/** A text to be translated, cut at what must survive. */
export type Segment = string | Span;

export function isSpan(segment: Segment): segment is Span {
  return typeof segment !== "string";
}

/** The stretches between the spans, with a break where each span was. */
export function plainText(segments: readonly Segment[]): string {
  return segments.map((segment) => (isSpan(segment) ? "\n" : segment)).join("");
}

/** The text with every span as it will stand in the target. */
export function render(segments: readonly Segment[]): string {
  return tidy(segments.map((segment) => (isSpan(segment) ? segment.rendered : segment)).join(""));
}

/** Single spaces, and none before a mark that closes. */
export function tidy(text: string): string {
  return text
    .replaceAll(/\s+/gu, " ")
    .replaceAll(/ (?=[,.;!?…)\]}»](?:\s|$))/gu, "")
    .trim();
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const defaultPrefix = "XQ";

/**
 * Words that stand for spans while a translator works. Measured with the Bergamot models on 75 spans in 33
 * sentences, both ways: capital letters alone, as here, came through 75 times; `[A]` 74, `TERM0` 74,
 * `t0.com` 74; of 19, `[[0]]` 17, `__0__` 16, and `<x0>`, `{0}`, `#0`, `@0`, private-use and circled
 * characters never: their signs are not in the vocabulary.
 */
export class Codes {
  readonly #prefix: string;
  readonly #letters: number;
  readonly #spans: readonly Span[];
  readonly text: string;

  constructor(segments: readonly Segment[]) {
    this.#spans = segments.filter(isSpan);
    this.#letters = 1 + Math.floor(Math.log(Math.max(1, this.#spans.length - 1)) / Math.log(26));
    const plain = plainText(segments).toUpperCase();
    let prefix = defaultPrefix;
    while (plain.includes(prefix)) prefix += "Z";
    this.#prefix = prefix;
    let next = 0;
    this.text = segments
      .map((segment) => (isSpan(segment) ? this.#code(next++) : segment))
      .join("");
  }

  #code(index: number): string {
    let letters = "";
    for (let rest = index, at = 0; at < this.#letters; at++, rest = Math.floor(rest / 26))
      letters = alphabet[rest % 26] + letters;
    return this.#prefix + letters;
  }

  /**
   * Puts the spans back. Codes that were never given are taken out.
   *
   * @returns the text; the answer without its codes; and the spans that came back not once
   */
  restore(answer: string): { text: string; plain: string; lost: Span[] } {
    const seen = this.#spans.map(() => 0);
    const pattern = new RegExp(
      String.raw`(?<![\p{Script=Latin}\p{N}])${this.#prefix}([A-Z]{${this.#letters}})(?![\p{Script=Latin}\p{N}])`,
      "giu",
    );
    const text = answer.replaceAll(pattern, (_, letters: string) => {
      const index = Array.from(letters.toUpperCase()).reduce(
        (sum, letter) => sum * 26 + alphabet.indexOf(letter),
        0,
      );
      const span = this.#spans[index];
      if (span === undefined) return "";
      seen[index] = (seen[index] ?? 0) + 1;
      return span.rendered;
    });
    return {
      text: tidy(text),
      plain: answer.replaceAll(pattern, "\n"),
      lost: this.#spans.filter((_, index) => seen[index] !== 1),
    };
  }
}
