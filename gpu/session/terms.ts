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
  if (pairs !== undefined && !pairs.some((pair) => pair[0] === source && pair[1] === target)) {
    const wanted = target === "" ? `from ${source}` : `from ${source} to ${target}`;
    const known = pairs.map((pair) => pair.join(" to ")).join(", ");
    const message = `nothing translates ${wanted}; served: ${known || "none"}`;
    return { refusal: { code: "UNSUPPORTED_LANGUAGE", message, metadata: { pairs } } };
  }
  if (catalogue !== undefined && !catalogue.hasVoice(voiceProfile, target))
    return {
      refusal: {
        code: "INVALID_VOICE_PROFILE",
        message: `there is no voice ${voiceProfile} that speaks ${target}; send default`,
        metadata: { voice_profile: voiceProfile, language: target },
      },
    };
  return {
    terms: {
      sourceLanguage,
      targetLanguage,
      voiceProfile,
      domainHints: config.domain_hints ?? [],
      pacing: config.pacing ?? "live",
      dubSampleRateHz: config.dub_sample_rate_hz,
      dubChannels: config.dub_channels,
    },
  };
}
