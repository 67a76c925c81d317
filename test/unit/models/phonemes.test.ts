import { describe, expect, test } from "bun:test";
import { languageOfVoice, spokenLanguage } from "../../../gpu/models/kokoro/languages.ts";
import {
  phonemesOf,
  splitAtPunctuation,
  toKokoroAlphabet,
} from "../../../gpu/models/kokoro/phonemes.ts";

const portuguese = spokenLanguage("pt")!;
const english = spokenLanguage("en")!;

test("a voice's language stands in its first letter", () => {
  expect(languageOfVoice("pf_dora")?.language).toBe("pt");
  expect(languageOfVoice("bm_george")?.espeakVoice).toBe("en-gb");
  expect(languageOfVoice("zf_xiaoxiao")?.language).toBe("zh");
  expect(languageOfVoice("xf_nobody")).toBeUndefined();
  expect(languageOfVoice("../pf_dora")).toBeUndefined();
});

describe("espeak-ng's IPA in Kokoro's alphabet", () => {
  test("joins tied pairs and drops ties, hyphens and language flags", () => {
    expect(toKokoroAlphabet("d^ʒˈe^ɪ t^ʃ-a (en)ˌo^ʊ(pt-br)", portuguese)).toBe("ʤˈA ʧa ˌO");
  });
  test("writes nasal vowels as vowel and tilde", () => {
    expect(toKokoroAlphabet("ɐ̃ ã õ", portuguese)).toBe("ɐ\u0303 a\u0303 o\u0303");
  });
  test("uses the narrower letters of English only for English", () => {
    expect(toKokoroAlphabet("ɐɚ", english)).toBe("əəɹ");
    expect(toKokoroAlphabet("ɐɾ", portuguese)).toBe("ɐɾ");
  });
});

test("punctuation is cut out in runs, blank stretches are left out", () => {
  expect(splitAtPunctuation("Olá, mundo... «sim»!")).toEqual([
    { kind: "words", text: "Olá" },
    { kind: "marks", text: "," },
    { kind: "words", text: " mundo" },
    { kind: "marks", text: "..." },
    { kind: "marks", text: "“" },
    { kind: "words", text: "sim" },
    { kind: "marks", text: "”!" },
  ]);
});

test("words are read between punctuation, and the marks stay where they were", async () => {
  const asked: string[] = [];
  const line = await phonemesOf("¿Sim? Não, nunca.", portuguese, (texts, voice) => {
    asked.push(voice, ...texts);
    return Promise.resolve(texts.map((text) => text.toUpperCase()));
  });
  expect(asked).toEqual(["pt-br", "Sim", "Não", "nunca"]);
  expect(line).toBe("SIM? NA\u0303O, NUNCA.");
});
