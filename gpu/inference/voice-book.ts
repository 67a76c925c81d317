import { spokenLanguage } from "../models/kokoro/languages.ts";
import { EngineError } from "./engine-error.ts";
import type { VoiceInfo } from "./engine.ts";

/** A named voice of the operator's own file, beside the package's voices. */
export interface VoiceProfile {
  /** Primary subtag; the profile is offered for this language only. */
  readonly language: string;
  /** A voice of the package, for example `pf_dora`; absent: the language's default voice. */
  readonly speaker?: string;
  /** A voice of the configured service, which speaks then; the speaker takes over where it fails. */
  readonly voiceId?: string;
}

/** What speaks: a voice of the package, or one of the service, or the one with the other to fall back on. */
export interface ChosenVoice {
  readonly local?: string;
  readonly voiceId?: string;
}

/**
 * Which voice speaks for a profile: `default`, a configured name, or a voice of the package by name. The
 * default of a language is the profile `default-LANGUAGE`, or `default` where it has that language, else
 * the package's default voice, else the first configured profile of the language.
 */
export class VoiceBook {
  /**
   * @param voices the package's voices
   * @param profiles the operator's own
   * @throws {RangeError} when a profile names a voice that is not there
   */
  constructor(
    private readonly voices: readonly VoiceInfo[],
    private readonly profiles: Readonly<Record<string, VoiceProfile>> = {},
  ) {
    for (const [name, profile] of Object.entries(profiles)) this.#check(name, profile);
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

  /** The voice of a profile in a language; undefined when it has none. */
  find(profile: string, language: string): ChosenVoice | undefined {
    const own = Object.hasOwn(this.profiles, profile) ? this.profiles[profile] : undefined;
    if (profile === "default") return this.#defaultOf(language);
    if (own?.language === language) return this.#ofProfile(own);
    if (spokenLanguage(language)?.readable !== true) return undefined;
    return this.#packageVoice(profile, language);
  }

  /** @throws {EngineError} `INVALID_VOICE_PROFILE`, naming what there is for the language */
  resolve(profile: string, language: string): ChosenVoice {
    const voice = this.find(profile, language);
    if (voice !== undefined) return voice;
    const known = this.list().flatMap((entry) => (entry.language === language ? entry.name : []));
    const names = [...new Set([...(this.speaks(language) ? ["default"] : []), ...known])];
    throw new EngineError("INVALID_VOICE_PROFILE", {
      message: `no voice ${profile} speaks ${language}; there are ${names.join(", ") || "none"}`,
      retryable: false,
      blame: "caller",
      stage: "tts",
      metadata: { voices: names },
    });
  }

  #defaultOf(language: string): ChosenVoice | undefined {
    const entries = Object.entries(this.profiles).filter(([, own]) => own.language === language);
    const named = (name: string) => entries.find(([own]) => own === name)?.[1];
    const configured = named(`default-${language}`) ?? named("default");
    if (configured !== undefined) return this.#ofProfile(configured);
    const accent = spokenLanguage(language);
    const builtIn = accent?.readable === true && this.#packageVoice(accent.defaultVoice, language);
    if (builtIn) return builtIn;
    const first = entries[0]?.[1];
    return first && this.#ofProfile(first);
  }

  #ofProfile({ language, speaker, voiceId }: VoiceProfile): ChosenVoice | undefined {
    const accent = spokenLanguage(language);
    const wanted = speaker ?? accent?.defaultVoice ?? "";
    const local = accent?.readable === true ? this.#packageVoice(wanted, language) : undefined;
    if (voiceId !== undefined) return { ...local, voiceId };
    return local;
  }

  #packageVoice(name: string, language: string): ChosenVoice | undefined {
    const found = this.voices.some((voice) => voice.name === name && voice.language === language);
    return found ? { local: name } : undefined;
  }

  #check(name: string, profile: VoiceProfile): void {
    const { language, speaker } = profile;
    const chosen = this.#ofProfile(profile);
    if (chosen === undefined || (speaker !== undefined && chosen.local === undefined)) {
      const there = this.voices.flatMap((one) => (one.language === language ? one.name : []));
      throw new RangeError(
        `voice profile ${name}: no voice ${speaker ?? "at all"} for ${language}; ` +
          `there are ${there.join(", ") || "none"}`,
      );
    }
  }
}
