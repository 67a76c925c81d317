/** A language that Kokoro's voices speak. */
export interface SpokenLanguage {
  /** Primary subtag. */
  readonly language: string;
  /** espeak-ng's name of the accent the voices were trained with. */
  readonly espeakVoice: string;
  /** First letter of the voices' names. */
  readonly prefix: string;
  /** The voice of the profile `default`. */
  readonly defaultVoice: string;
  /**
   * False where espeak-ng's phonemes are not the ones the model learnt (Chinese), or where it cannot read
   * the script (Japanese kanji): those voices are listed, but no dub is offered with them.
   */
  readonly readable: boolean;
}

const spokenLanguages: readonly SpokenLanguage[] = [
  { language: "en", espeakVoice: "en-us", prefix: "a", defaultVoice: "af_heart", readable: true },
  { language: "en", espeakVoice: "en-gb", prefix: "b", defaultVoice: "bf_emma", readable: true },
  { language: "es", espeakVoice: "es", prefix: "e", defaultVoice: "ef_dora", readable: true },
  { language: "fr", espeakVoice: "fr-fr", prefix: "f", defaultVoice: "ff_siwis", readable: true },
  { language: "hi", espeakVoice: "hi", prefix: "h", defaultVoice: "hf_alpha", readable: true },
  { language: "it", espeakVoice: "it", prefix: "i", defaultVoice: "if_sara", readable: true },
  { language: "ja", espeakVoice: "ja", prefix: "j", defaultVoice: "jf_alpha", readable: false },
  { language: "pt", espeakVoice: "pt-br", prefix: "p", defaultVoice: "pf_dora", readable: true },
  { language: "zh", espeakVoice: "cmn", prefix: "z", defaultVoice: "zf_xiaobei", readable: false },
];

/** The language of a voice by the first letter of its name; undefined for names of another kind. */
export function languageOfVoice(voice: string): SpokenLanguage | undefined {
  if (!/^[a-z][fm]_[a-z0-9]+$/.test(voice)) return undefined;
  return spokenLanguages.find((entry) => entry.prefix === voice[0]);
}

/** The accent whose default voice speaks a language. */
export function spokenLanguage(language: string): SpokenLanguage | undefined {
  return spokenLanguages.find((entry) => entry.language === language);
}
