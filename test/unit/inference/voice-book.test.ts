import { describe, expect, test } from "bun:test";
import { EngineError } from "../../../gpu/inference/engine-error.ts";
import { VoiceBook } from "../../../gpu/inference/voice-book.ts";

const voices = [
  { name: "af_heart", language: "en" },
  { name: "bm_george", language: "en" },
  { name: "ef_dora", language: "es" },
  { name: "jf_alpha", language: "ja" },
  { name: "pf_dora", language: "pt" },
  { name: "pm_alex", language: "pt" },
];

describe("the voice of a profile", () => {
  const book = new VoiceBook(voices, {
    anchor: { language: "pt", speaker: "pm_alex" },
    plain: { language: "es" },
  });

  test.each([
    ["default", "pt", "pf_dora"],
    ["default", "en", "af_heart"],
    ["bm_george", "en", "bm_george"],
    ["anchor", "pt", "pm_alex"],
    ["plain", "es", "ef_dora"],
    ["anchor", "es", undefined],
    ["pf_dora", "en", undefined],
    ["default", "de", undefined],
    ["jf_alpha", "ja", undefined],
    ["toString", "pt", undefined],
  ])("%s in %s is %s", (profile, language, voice) => {
    expect(book.find(profile, language)?.local).toBe(voice as string);
  });

  test("that is unknown is refused with the names there are", () => {
    const refusal = () => book.resolve("nobody", "pt");
    expect(refusal).toThrow(EngineError);
    expect(refusal).toThrow(/default, anchor, pf_dora, pm_alex/);
  });

  test("languages without a voice, or with unreadable script, are not spoken", () => {
    expect(["pt", "en", "ja", "de"].map((language) => book.speaks(language))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("each language has its default: its own profile, that of the package, or the only one", () => {
    const configured = new VoiceBook(voices, {
      default: { language: "pt", speaker: "pm_alex" },
      "default-en": { language: "en", speaker: "bm_george", voiceId: "v1" },
      lena: { language: "de", voiceId: "v2" },
    });
    expect(configured.find("default", "pt")).toEqual({ local: "pm_alex" });
    expect(configured.find("default", "en")).toEqual({ local: "bm_george", voiceId: "v1" });
    expect(configured.find("default", "es")).toEqual({ local: "ef_dora" });
    expect(configured.find("default", "de")).toEqual({ voiceId: "v2" });
    expect(configured.speaks("de")).toBe(true);
  });

  test("a configured profile must name a voice that is there", () => {
    expect(() => new VoiceBook(voices, { odd: { language: "pt", speaker: "ef_dora" } })).toThrow(
      "odd",
    );
  });
});
