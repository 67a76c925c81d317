import type { SpokenLanguage } from "./languages.ts";

/** Runs of punctuation: kept as they are, because Kokoro pauses and intones by them. */
const punctuation = /([;:,.!?¡¿—…"“”()]+)/u;
const opening = /[¡¿]/gu;

/** espeak-ng's tied pairs as the single letters that Kokoro learnt. */
const tiedPairs: readonly (readonly [string, string])[] = [
  ["a^ɪ", "I"],
  ["a^ʊ", "W"],
  ["d^z", "ʣ"],
  ["d^ʒ", "ʤ"],
  ["e^ɪ", "A"],
  ["o^ʊ", "O"],
  ["ə^ʊ", "Q"],
  ["s^s", "S"],
  ["t^s", "ʦ"],
  ["t^ʃ", "ʧ"],
  ["ɔ^ɪ", "Y"],
];

/** English was trained with a narrower alphabet than espeak-ng writes. */
const englishLetters: readonly (readonly [string, string])[] = [
  ["ə^l", "ᵊl"],
  ["ʔˌn̩", "ʔn"],
  ["ʔn̩", "ʔn"],
  ["ɚ", "əɹ"],
  ["ɜːɹ", "ɜɹ"],
  ["ɐ", "ə"],
  ["ɬ", "l"],
  ["r", "ɹ"],
  ["x", "k"],
  ["ç", "k"],
  ["n̩", "ᵊn"],
  ["l̩", "ᵊl"],
];

/** A stretch of text between punctuation, or punctuation. */
export type TextPart = { readonly kind: "words" | "marks"; readonly text: string };

/** Cuts text at its punctuation; blank stretches are left out. */
export function splitAtPunctuation(text: string): TextPart[] {
  return text
    .replaceAll("«", "“")
    .replaceAll("»", "”")
    .split(punctuation)
    .map((part, index): TextPart => ({ kind: index % 2 === 1 ? "marks" : "words", text: part }))
    .filter((part) => part.text.trim() !== "");
}

/**
 * One line of espeak-ng's IPA (`--ipa --tie=^`) in Kokoro's alphabet: tied pairs become letters, language
 * flags, ties and hyphens go, nasal vowels are written as vowel and tilde.
 */
export function toKokoroAlphabet(ipa: string, language: SpokenLanguage): string {
  let phonemes = ipa.replaceAll("\n", " ").replace(/\([a-z-]+\)/gu, "");
  const letters = language.language === "en" ? [...tiedPairs, ...englishLetters] : tiedPairs;
  for (const [from, to] of letters) phonemes = phonemes.replaceAll(from, to);
  return phonemes
    .replace(/\^|\u0361|-/gu, "")
    .replace(/[ãõẽĩũñÃÕ]/gu, (letter) => letter.normalize("NFD"))
    .trim();
}

/** Reads words aloud on paper: IPA of each text, in order. */
export type Phonemizer = (
  texts: readonly string[],
  espeakVoice: string,
) => Promise<readonly string[]>;

/**
 * Phonemes of a text with its punctuation kept; inverted marks are dropped.
 *
 * @returns Kokoro's alphabet; empty when the text has nothing to say
 */
export async function phonemesOf(
  text: string,
  language: SpokenLanguage,
  phonemize: Phonemizer,
): Promise<string> {
  const parts = splitAtPunctuation(text);
  const words = parts.filter((part) => part.kind === "words").map((part) => part.text.trim());
  const spoken = (await phonemize(words, language.espeakVoice)).values();
  let line = "";
  for (const part of parts) {
    if (part.kind === "words") line += `${toKokoroAlphabet(spoken.next().value ?? "", language)} `;
    else line = `${line.trimEnd()}${part.text.replace(opening, "")} `;
  }
  return line.replace(/\s+/gu, " ").trim();
}
