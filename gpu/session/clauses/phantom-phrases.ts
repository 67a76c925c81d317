import { normaliseWord, primarySubtag } from "./words.ts";

/**
 * What recognisers trained on captioned videos like to hear in silence, music and noise. People say most of these
 * too, so a match alone refuses nothing: it lowers how much evidence of speech is asked for.
 */
const phrases: Readonly<Record<string, readonly string[]>> = {
  en: [
    "thank you",
    "thanks",
    "thank you very much",
    "thank you so much",
    "thanks for watching",
    "thank you for watching",
    "please subscribe",
    "subscribe",
    "bye",
    "bye bye",
    "you",
    "okay",
    "oh",
    "hmm",
    "music",
    "applause",
    "laughter",
    "silence",
    "the end",
    "i'm sorry",
    "so",
  ],
  pt: [
    "obrigado",
    "obrigada",
    "muito obrigado",
    "obrigado por assistir",
    "tchau",
    "tchau tchau",
    "e aí",
    "música",
    "aplausos",
    "inscreva se no canal",
    "legendas pela comunidade amara org",
    "legenda adriana zanotto",
    "é",
  ],
  es: [
    "gracias",
    "muchas gracias",
    "gracias por ver",
    "gracias por ver el video",
    "adiós",
    "música",
    "aplausos",
    "suscríbete",
    "suscríbete al canal",
    "subtítulos realizados por la comunidad de amara org",
    "sí",
  ],
};

const known: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(phrases).map(([language, list]) => [language, new Set(list)]),
);

/** True when the whole text, once or a few times over, is such a phrase. */
export function isPhantom(words: readonly string[], language: string): boolean {
  const list = known.get(primarySubtag(language));
  const said = words.flatMap((word) => normaliseWord(word).split(/[^\p{L}\p{N}']+/u));
  if (!list || said.length === 0) return false;
  return [1, 2, 3, 4].some((times) => {
    const length = said.length / times;
    const phrase = said.slice(0, length);
    return (
      Number.isInteger(length) &&
      said.every((word, i) => word === phrase[i % length]) &&
      list.has(phrase.join(" "))
    );
  });
}
