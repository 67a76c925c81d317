import { primarySubtag } from "../session/clauses/words.ts";
import { spokenText } from "../pipeline/translation/faithful.ts";
import { meanOfKnown } from "../session/clause-segments.ts";
import type {
  FragmentFailure,
  FragmentJob,
  FragmentOutcome,
  FragmentTrack,
} from "../session/fragment-processor.ts";

/** A fragment and its answer, as they are written down. */
export interface AnsweredFragment {
  readonly job: FragmentJob;
  readonly result: { readonly outcome: FragmentOutcome } | { readonly failure: FragmentFailure };
  /** Work since its receipt, without what it was only held, ms. */
  readonly processingMs: number;
  readonly answeredAt: Date;
}

type Component = "asr" | "translate" | "tts";
type AssetStatus = "success" | "partial" | "failed";

/** What all assets say (contract 8.1). */
interface Asset {
  readonly asset_id: string;
  readonly stream_id: string;
  readonly sequence_number: number;
  readonly parent_asset_ids: readonly string[];
  readonly created_at: string;
  readonly component: Component;
  readonly component_instance: string;
  readonly status: AssetStatus;
  readonly errors: readonly AssetError[];
  readonly latency_ms: number;
  readonly model_info: { readonly name: string };
}

interface AssetError {
  readonly error_type: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly details: { readonly code: string; readonly stage: string };
}

interface TranscriptSegment {
  /** On the stream's timeline. */
  readonly start_time_ms: number;
  readonly end_time_ms: number;
  readonly text: string;
  /** Probabilities 0..1, and words, where they are known. */
  readonly confidence?: number | undefined;
  readonly no_speech_probability?: number | undefined;
  readonly words?:
    | readonly {
        readonly start_time_ms: number;
        readonly end_time_ms: number;
        readonly word: string;
        readonly confidence?: number | undefined;
      }[]
    | undefined;
}

interface TranscriptAsset extends Asset {
  readonly language: string;
  /** Of that language, 0..1, where the recogniser tells. */
  readonly language_probability?: number | undefined;
  readonly segments: readonly TranscriptSegment[];
  readonly transcript: string;
  readonly confidence?: number | undefined;
  readonly audio_duration_ms: number;
}

interface TextAsset extends Asset {
  readonly source_language: string;
  readonly target_language: string;
  readonly source_text: string;
  readonly translated_text: string;
  /** As the translator was asked for it. */
  readonly normalized_source_text: string;
  readonly speaker_id: string;
  readonly warnings: readonly string[];
  readonly character_count: number;
  readonly word_expansion_ratio: number;
}

interface AudioAsset extends Asset {
  readonly audio_format: string;
  readonly sample_rate_hz: number;
  readonly channels: number;
  readonly duration_ms: number;
  readonly payload_ref: string;
  readonly language: string;
  readonly voice_profile: string;
  readonly preprocessed_text: string;
  readonly duration_metadata: {
    readonly original_duration_ms: number;
    /** Of the speech at its natural tempo; where clauses are dubbed, of those that begin in the fragment. */
    readonly raw_duration_ms?: number | undefined;
    readonly final_duration_ms: number;
    readonly duration_variance_percent: number;
    readonly speed_ratio: number;
    readonly speed_clamped?: boolean | undefined;
  };
}

/** The records of one fragment's way through the stages, each naming what it was made from. */
export interface Lineage {
  readonly fragment_asset_id: string;
  readonly transcript: TranscriptAsset;
  /** Of the first target language, then of the others. */
  readonly texts: readonly TextAsset[];
  readonly audios: readonly AudioAsset[];
}

/** Identifiers of a fragment's assets, in the form of the original documents. */
export function assetIds({ fragmentId, sequenceNumber }: FragmentJob, language?: string) {
  const tail = `${fragmentId}-${sequenceNumber}${language === undefined ? "" : `-${language}`}`;
  return {
    fragment: `fragment:${fragmentId}`,
    transcript: `transcript-${fragmentId}-${sequenceNumber}`,
    translation: `translation-${tail}`,
    audio: `audio-${tail}`,
  };
}

/**
 * What a stage says of itself is taken over; what it does not tell (an echo engine is sure of nothing) is left out, not
 * invented.
 *
 * @param payloadRef where the dubbed audio of a further language (undefined: of the first one) will lie
 */
export function lineageOf(
  fragment: AnsweredFragment,
  payloadRef: (language: string | undefined) => string,
): Lineage {
  const { job, result } = fragment;
  const ids = assetIds(job);
  const at = (component: Component) => assetOf(fragment, component);
  if ("failure" in result)
    return {
      fragment_asset_id: ids.fragment,
      transcript: {
        ...at("asr"),
        asset_id: ids.transcript,
        parent_asset_ids: [ids.fragment],
        language: primarySubtag(job.terms.sourceLanguage),
        segments: [],
        transcript: "",
        audio_duration_ms: job.audio.durationMs,
      },
      texts: [],
      audios: [],
    };
  const { outcome } = result;
  const further = [...(outcome.tracks ?? [])];
  const { segments = [] } = outcome;
  const targets = [
    { language: primarySubtag(job.terms.targetLanguage), key: undefined, ...firstTrack(outcome) },
    ...further.map(([language, track]) => ({ language, key: language, ...track })),
  ];
  return {
    fragment_asset_id: ids.fragment,
    transcript: {
      ...at("asr"),
      asset_id: ids.transcript,
      parent_asset_ids: [ids.fragment],
      status: "success",
      language: primarySubtag(job.terms.sourceLanguage),
      language_probability: rounded(
        meanOfKnown(segments.map((segment) => segment.languageProbability)),
      ),
      segments: segmentsOf(job, outcome),
      transcript: outcome.transcript,
      confidence: rounded(meanOfKnown(segments.map((segment) => segment.confidence))),
      audio_duration_ms: Math.round(outcome.originalDurationMs),
    },
    texts: targets.map(({ language, key, translatedText, status }) => ({
      ...at("translate"),
      asset_id: assetIds(job, key).translation,
      parent_asset_ids: [ids.transcript],
      status,
      source_language: primarySubtag(job.terms.sourceLanguage),
      target_language: language,
      source_text: outcome.transcript,
      translated_text: translatedText,
      normalized_source_text: spokenText(outcome.transcript),
      speaker_id: "default",
      warnings: outcome.warnings,
      character_count: translatedText.length,
      word_expansion_ratio: expansion(outcome.transcript, translatedText),
    })),
    audios: targets.map(({ language, key, translatedText, status, audio, ...spoken }) => ({
      ...at("tts"),
      asset_id: assetIds(job, key).audio,
      parent_asset_ids: [assetIds(job, key).translation],
      status,
      audio_format: "m4a",
      sample_rate_hz: audio.sampleRateHz,
      channels: audio.channels,
      duration_ms: audio.durationMs,
      payload_ref: payloadRef(key),
      language,
      voice_profile: job.terms.voiceProfile,
      preprocessed_text: translatedText,
      duration_metadata: {
        original_duration_ms: Math.round(outcome.originalDurationMs),
        raw_duration_ms: spoken.rawDurationMs,
        final_duration_ms: Math.round(outcome.dubbedDurationMs),
        duration_variance_percent: variancePercent(outcome),
        speed_ratio: outcome.speedRatio,
        speed_clamped: spoken.speedClamped,
      },
    })),
  };
}

function firstTrack(outcome: FragmentOutcome): FragmentTrack {
  return outcome;
}

function assetOf(
  { job, result, answeredAt }: AnsweredFragment,
  component: Component,
): Omit<Asset, "asset_id" | "parent_asset_ids"> {
  const outcome = "outcome" in result ? result.outcome : undefined;
  const timings = outcome?.stageTimings;
  const { latency, model } = {
    asr: { latency: timings?.asrMs, model: outcome?.models.asr },
    translate: { latency: timings?.translationMs, model: outcome?.models.translation },
    tts: { latency: timings?.ttsMs, model: outcome?.models.tts },
  }[component];
  return {
    stream_id: job.streamId,
    sequence_number: job.sequenceNumber,
    created_at: answeredAt.toISOString(),
    component,
    component_instance: model ?? component,
    status: outcome?.status ?? "failed",
    errors: "failure" in result ? [errorOf(result.failure)] : [],
    latency_ms: Math.round(latency ?? 0),
    model_info: { name: model ?? "" },
  };
}

/** Error types of the original documents, by the protocol's codes. */
const errorTypes: Readonly<Record<string, string>> = {
  TIMEOUT: "timeout",
  INVALID_AUDIO_FORMAT: "invalid_audio",
  UNSUPPORTED_LANGUAGE: "unsupported_language_pair",
  INVALID_VOICE_PROFILE: "voice_sample_invalid",
  TRANSLATION_FAILED: "provider_error",
  TTS_SYNTHESIS_FAILED: "synthesis_failed",
};

function errorOf({ code, message, retryable, stage }: FragmentFailure): AssetError {
  const error_type = errorTypes[code] ?? "unknown";
  return { error_type, message, retryable, details: { code, stage } };
}

/** What the recogniser told apart; without that, all that was said is one, from its first sound to its last. */
function segmentsOf(job: FragmentJob, outcome: FragmentOutcome): readonly TranscriptSegment[] {
  if (outcome.segments !== undefined)
    return outcome.segments.map((segment) => ({
      start_time_ms: segment.startMs,
      end_time_ms: segment.endMs,
      text: segment.text,
      confidence: rounded(segment.confidence),
      no_speech_probability: rounded(segment.noSpeechProbability),
      words: segment.words?.map((word) => ({
        start_time_ms: word.startMs,
        end_time_ms: word.endMs,
        word: word.text,
        confidence: rounded(word.confidence),
      })),
    }));
  if (outcome.transcript === "") return [];
  const startMs = (job.ptsNs ?? 0) / 1e6;
  const regions = outcome.speechRegions;
  return [
    {
      start_time_ms: Math.round(startMs + (regions[0]?.startMs ?? 0)),
      end_time_ms: Math.round(startMs + (regions.at(-1)?.endMs ?? outcome.originalDurationMs)),
      text: outcome.transcript,
    },
  ];
}

function rounded(probability: number | undefined): number | undefined {
  return probability === undefined ? undefined : Math.round(probability * 10_000) / 10_000;
}

function expansion(source: string, translated: string): number {
  const words = (text: string) => text.split(/\s+/u).filter(Boolean).length;
  return words(source) === 0 ? 0 : Math.round((1000 * words(translated)) / words(source)) / 1000;
}

function variancePercent({ originalDurationMs, dubbedDurationMs }: FragmentOutcome): number {
  if (originalDurationMs === 0) return 0;
  const share = Math.abs(dubbedDurationMs - originalDurationMs) / originalDurationMs;
  return Math.round(share * 10_000) / 100;
}
