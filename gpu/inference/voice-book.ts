import { spokenLanguage } from "../models/kokoro/languages.ts";
import { EngineError } from "./engine-error.ts";
import type { VoiceInfo } from "./engine.ts";

/** A named voice of the operator's own file, beside the package's voices. */
export interface VoiceProfile {
  /** Primary subtag; the profile is offered for this language only. */
  readonly language: string;
  /** A voice of the package, for example `pf_dora`; absent: the language's default voice. */
  readonly speaker?: string;
}

/** Which voice speaks for a profile: `default`, a configured name, or a voice of the package by name. */
export class VoiceBook {
  /**
   * @param voices the package's voices
   * @param profiles the operator's own; one named `default` holds for its language only
   * @throws {RangeError} when a profile names a voice that is not there
   */
  constructor(
    private readonly voices: readonly VoiceInfo[],
    private readonly profiles: Readonly<Record<string, VoiceProfile>> = {},
  ) {
    for (const [name, profile] of Object.entries(profiles))
      if (this.#ofProfile(profile) === undefined)
        throw new RangeError(
          `voice profile ${name}: no voice ${profile.speaker ?? "at all"} for ${profile.language}`,
        );
  }

  /** The package's voices and the operator's profiles. */
  list(): VoiceInfo[] {
    const own = Object.entries(this.profiles).map(([name, { language }]) => ({ name, language }));
    return [...own, ...this.voices];
  }

  /** True when dubs in the language can be spoken at all. */
  speaks(language: string): boolean {
    return this.find("default", language) !== undefined;
  }

  /** The package's voice for a profile in a language; undefined when it has none. */
  find(profile: string, language: string): string | undefined {
    const accent = spokenLanguage(language);
    if (accent?.readable !== true) return undefined;
    const own = Object.hasOwn(this.profiles, profile) ? this.profiles[profile] : undefined;
    if (own !== undefined && own.language === language) return this.#ofProfile(own);
    if (profile === "default")
      return this.voices.find((voice) => voice.name === accent.defaultVoice)?.name;
    return this.voices.find((voice) => voice.name === profile && voice.language === language)?.name;
  }

  /** @throws {EngineError} `INVALID_VOICE_PROFILE`, naming what there is for the language */
  resolve(profile: string, language: string): string {
    const voice = this.find(profile, language);
    if (voice !== undefined) return voice;
    const names = this.list().flatMap((known) => (known.language === language ? known.name : []));
    throw new EngineError("INVALID_VOICE_PROFILE", {
      message: `no voice ${profile} speaks ${language}; there are default, ${names.join(", ")}`,
      retryable: false,
      blame: "caller",
      stage: "tts",
      metadata: { voices: names },
    });
  }

  #ofProfile({ language, speaker }: VoiceProfile): string | undefined {
    const wanted = speaker ?? spokenLanguage(language)?.defaultVoice;
    return this.voices.find((voice) => voice.name === wanted && voice.language === language)?.name;
  }
}
