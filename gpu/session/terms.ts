import type { StsErrorCode } from "../../src/protocol/sts-errors.ts";
import type { StreamConfig } from "../../src/protocol/sts-session.ts";
import type { SessionTerms } from "./fragment-processor.ts";

/** What an engine can serve; an echo serves everything and has none. */
export interface LanguageCatalogue {
  pairs(): [string, string][];
  hasVoice(profile: string, language: string): boolean;
}

/** Wishes that cannot be met, with what could be. */
export interface TermsRefusal {
  readonly code: StsErrorCode;
  readonly message: string;
  readonly metadata: Record<string, unknown>;
}

/** The part of a language tag that engines go by: `pt` of `pt-BR`. */
function primarySubtag(tag: string): string {
  return (tag.split(/[-_]/)[0] ?? tag).toLowerCase();
}

/**
 * Settles languages and voice. Without a target the first one that the source can be dubbed into is
 * taken; a pair or voice that nothing serves is refused, never replaced.
 */
export function settleTerms(
  config: StreamConfig,
  catalogue: LanguageCatalogue | undefined,
): { terms: SessionTerms } | { refusal: TermsRefusal } {
  const sourceLanguage = config.source_language ?? "en";
  const source = primarySubtag(sourceLanguage);
  const pairs = catalogue?.pairs();
  const served = pairs?.find((pair) => pair[0] === source)?.[1];
  const targetLanguage = config.target_language ?? served ?? (pairs === undefined ? "es" : "");
  const target = primarySubtag(targetLanguage);
  const voiceProfile = config.voice_profile ?? "default";
  const unserved = refusedPair(catalogue, source, target);
  if (unserved !== undefined) return { refusal: unserved };
  const furtherLanguages = (config.target_languages ?? []).filter(
    (tag) => primarySubtag(tag) !== target,
  );
  const refusal =
    refusedVoice(catalogue, voiceProfile, [target]) ??
    refusedTargets(catalogue, source, voiceProfile, furtherLanguages);
  if (refusal !== undefined) return { refusal };
  return {
    terms: {
      sourceLanguage,
      targetLanguage,
      voiceProfile,
      domainHints: config.domain_hints ?? [],
      pacing: config.pacing ?? "live",
      dubSampleRateHz: config.dub_sample_rate_hz,
      dubChannels: config.dub_channels,
      playoutDelayMs: config.playout_delay_ms,
      furtherLanguages,
      glossary: config.glossary ?? [],
      keepTerms: config.keep_terms ?? [],
    },
  };
}

/** Why a session cannot be dubbed into these languages too, by this voice; undefined when it can. */
export function refusedTargets(
  catalogue: LanguageCatalogue | undefined,
  sourceLanguage: string,
  voiceProfile: string,
  targets: readonly string[],
): TermsRefusal | undefined {
  const source = primarySubtag(sourceLanguage);
  for (const tag of targets) {
    const refusal = refusedPair(catalogue, source, primarySubtag(tag));
    if (refusal !== undefined) return refusal;
  }
  return refusedVoice(catalogue, voiceProfile, targets.map(primarySubtag));
}

function refusedPair(
  catalogue: LanguageCatalogue | undefined,
  source: string,
  target: string,
): TermsRefusal | undefined {
  const pairs = catalogue?.pairs();
  if (pairs === undefined) return undefined;
  if (pairs.some((pair) => pair[0] === source && pair[1] === target)) return undefined;
  const wanted = target === "" ? `from ${source}` : `from ${source} to ${target}`;
  const known = pairs.map((pair) => pair.join(" to ")).join(", ");
  const message = `nothing translates ${wanted}; served: ${known || "none"}`;
  return { code: "UNSUPPORTED_LANGUAGE", message, metadata: { pairs } };
}

function refusedVoice(
  catalogue: LanguageCatalogue | undefined,
  profile: string,
  targets: readonly string[],
): TermsRefusal | undefined {
  const mute = targets.find((target) => catalogue?.hasVoice(profile, target) === false);
  if (mute === undefined) return undefined;
  return {
    code: "INVALID_VOICE_PROFILE",
    message: `there is no voice ${profile} that speaks ${mute}; send default`,
    metadata: { voice_profile: profile, language: mute },
  };
}
