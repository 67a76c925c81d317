import { normaliseWord, primarySubtag } from "./words.ts";

/**
 * What the punctuation at a word's end says.
 * `sentence`: a sentence ends here. `clause`: comma, semicolon, colon, dash or trailing dots.
 * `number`: the mark follows a digit, so only what comes next tells whether a sentence ends or a number goes on.
 */
export type Mark = "sentence" | "clause" | "number" | "none";

const abbreviations: Readonly<Record<string, ReadonlySet<string>>> = {
  en: new Set(
    `mr mrs ms dr prof sr jr st vs etc inc ltd corp gen col sgt capt lt rev hon gov sen rep pres mt ave blvd
    jan feb aug sept sep oct nov dec approx dept vol ed phd`.split(/\s+/),
  ),
  pt: new Set(
    `sr sra srta srs sras dr dra drs prof profa exmo exma eng av sto sta etc pág págs tel ltda cia séc núm
    art obs aprox gen cel cap ten sgt`.split(/\s+/),
  ),
  es: new Set(
    `sr sra srta sres dr dra prof d dña ud uds etc pág págs núm av avda tel cía art aprox gral cnel cap sto
    sta`.split(/\s+/),
  ),
};

/** Only before a figure: "No. 5" is a number, "No." an answer. */
const beforeFigures = new Set(["no", "nos", "nº", "n", "nr", "fig", "p", "pp"]);

const closers = /["'”’»)\]}]+$/u;

/**
 * @param word as recognised, with its punctuation
 * @param language BCP-47 or short code; an unlisted language has only the abbreviations that show by their dots
 */
export function markOf(word: string, language: string): Mark {
  const text = word.trim().replace(closers, "");
  if (/[!?！？。]$/u.test(text)) return "sentence";
  if (/(?:\.{2,}|…)$/u.test(text)) return "clause";
  if (/\p{N}[.,:]$/u.test(text)) return "number";
  if (/[,;:،、，；：]$|(?:^|[^-])[-–—]$/u.test(text)) return "clause";
  if (!text.endsWith(".")) return "none";
  return isAbbreviation(text, language) ? "none" : "sentence";
}

/**
 * Settles a `number` mark, and "No." before a figure.
 *
 * @param next the word that follows, with no pause between
 */
export function numberGoesOn(word: string, next: string): boolean {
  const text = word.trim().replace(closers, "");
  if (!/^[\p{Sc}]?\p{N}/u.test(next.trim())) return false;
  return /\p{N}[.,:]$/u.test(text) || beforeFigures.has(normaliseWord(text));
}

/** True when a figure right after the word would make its full stop part of an abbreviation. */
export function awaitsFigure(word: string): boolean {
  return word.trim().endsWith(".") && beforeFigures.has(normaliseWord(word));
}

/** What a `number` mark is once the number is known to be over. */
export function finishedNumberMark(word: string): "sentence" | "clause" {
  return word.trim().replace(closers, "").endsWith(".") ? "sentence" : "clause";
}

function isAbbreviation(text: string, language: string): boolean {
  const bare = text.replace(/^[^\p{L}\p{N}]+/u, "");
  // Dotted letters: U.S., a.m., e.g., EE.UU., p.ex.
  if (/^(?:\p{L}{1,2}\.){2,}$/u.test(bare)) return true;
  // An initial: J. Smith. "I." is a pronoun far more often.
  if (/^\p{Lu}\.$/u.test(bare)) return !(primarySubtag(language) === "en" && bare === "I.");
  return abbreviations[primarySubtag(language)]?.has(normaliseWord(bare)) ?? false;
}
