import { asciiDigits, missingQuantities, protectQuantities } from "./quantities.ts";
import { withoutEmoji, withoutMarkup } from "./plain-text.ts";
import { Codes, type Segment, type Span, isSpan, plainText, render, tidy } from "./segments.ts";
import type { TermBook } from "./terms.ts";

/** Asks a translator for a text; it may do to the text whatever it likes. */
export type Ask = (text: string) => Promise<string>;

export interface FaithfulTranslation {
  readonly text: string;
  /** `term_lost: …` and `number_lost: …`: what the translation should have and has not. */
  readonly warnings: readonly string[];
}

/** Each costs a question to the translator. */
const mostCuts = 8;
const longestInWarning = 60;

interface Attempt {
  readonly text: string;
  readonly segments: readonly Segment[];
  readonly lost: readonly Span[];
  readonly missing: readonly string[];
}

/** A text as a translator is asked for it, but for its terms: without what nobody says. */
export function spokenText(text: string): string {
  return tidy(withoutEmoji(withoutMarkup(asciiDigits(text.normalize("NFC")))));
}

/**
 * Translates so that terms, numbers and units survive, whatever the translator does to them: terms go
 * through it as codes; numbers as they are first, since they govern the grammar around them, and as codes
 * where that changed one; at a term that was lost the text is cut, and its parts are translated alone.
 * What is missing even then is told in the warnings. Markup and emoji are left out: nobody says them.
 */
export async function translateFaithfully(
  text: string,
  languages: { readonly source: string; readonly target: string },
  book: TermBook,
  ask: Ask,
): Promise<FaithfulTranslation> {
  const segments = book
    .segment(withoutMarkup(asciiDigits(text.normalize("NFC"))))
    .map((segment) => (isSpan(segment) ? segment : withoutEmoji(segment)));
  const translator = new Translator(languages, ask);
  let best = await translator.attempt(segments);
  // The first answer is there: what fails from here on costs exactness, not the translation.
  try {
    if (best.missing.length > 0) {
      const { source, target } = languages;
      const again = await translator.attempt(
        protectQuantities(segments, best.missing, source, target),
      );
      if (faults(again) <= faults(best)) best = again;
    }
    if (best.lost.length > 0) best = await translator.around(best);
  } catch {}
  const warnings = [
    ...best.lost.map(({ kind, rendered }) => warning(kind, rendered)),
    ...best.missing.map((what) => warning("quantity", what)),
  ];
  return { text: best.text, warnings: [...new Set(warnings)] };
}

function faults(attempt: Attempt): number {
  return attempt.lost.length + attempt.missing.length;
}

function warning(kind: Span["kind"], what: string): string {
  return `${kind === "term" ? "term_lost" : "number_lost"}: ${what.slice(0, longestInWarning)}`;
}

class Translator {
  constructor(
    private readonly languages: { readonly source: string; readonly target: string },
    private readonly ask: Ask,
  ) {}

  async attempt(segments: readonly Segment[]): Promise<Attempt> {
    const plain = plainText(segments);
    if (!/\p{L}/u.test(plain)) return { text: render(segments), segments, lost: [], missing: [] };
    const codes = new Codes(segments);
    const answer = await this.ask(tidy(codes.text));
    const restored = codes.restore(withoutEmoji(withoutMarkup(answer)));
    const { source, target } = this.languages;
    const missing = missingQuantities(
      { text: plain, language: source },
      { text: restored.plain, language: target },
    );
    return { text: restored.text, segments, lost: restored.lost, missing };
  }

  /** Cuts at the spans that were lost, so that they stand in the translation by construction. */
  async around(attempt: Attempt): Promise<Attempt> {
    const cuts = new Set(attempt.lost.slice(0, mostCuts));
    const parts: Segment[][] = [[]];
    for (const segment of attempt.segments) {
      if (isSpan(segment) && cuts.has(segment)) parts.push([segment], []);
      else parts.at(-1)?.push(segment);
    }
    const translated: Attempt[] = [];
    for (const part of parts) translated.push(await this.attempt(part));
    const lost = [...attempt.lost.slice(mostCuts), ...translated.flatMap((part) => part.lost)];
    return {
      text: tidy(translated.map((part) => part.text).join(" ")),
      segments: attempt.segments,
      lost,
      missing: translated.flatMap((part) => part.missing),
    };
  }
}
