import { expect, test } from "bun:test";
import { languageName, trackLanguage } from "../../../src/media/track-language.ts";

test("languages are written as containers want them, whatever they are called by", () => {
  const tags = ["pt", "pt-BR", "es", "de", "fr", "zh_TW", "EN", "yue", "xx"];
  const codes = ["por", "por", "spa", "deu", "fra", "zho", "eng", "yue", "und"];
  expect(tags.map(trackLanguage)).toEqual(codes);
});

test("and named as their speakers name them", () => {
  expect(["pt", "pt-BR", "es", "de"].map(languageName)).toEqual([
    ...["Português", "Português (Brasil)", "Español", "Deutsch"],
  ]);
});
