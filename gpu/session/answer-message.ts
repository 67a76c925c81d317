import { encodeBase64, peerMessageLimitBytes } from "../../src/protocol/sts-audio.ts";
import type {
  DubbedAudioMessage,
  FragmentProcessedMessage,
  ProcessedMetadataMessage,
  TrackMessage,
} from "../../src/protocol/sts-fragment.ts";
import type {
  FragmentAudio,
  FragmentFailure,
  FragmentOutcome,
  FragmentTrack,
} from "./fragment-processor.ts";

/** Room for everything but the audio in a message to a peer with a message limit. */
const textAllowanceBytes = 64 * 1024;

/** Largest audio of an answer, bytes: peers without binary attachments drop the connection above 4 MiB. */
export function maxAnswerBytes(binaryAudio: boolean): number {
  if (binaryAudio) return Number.POSITIVE_INFINITY;
  return Math.floor((peerMessageLimitBytes - textAllowanceBytes) / 4) * 3;
}

/** What every answer to a fragment carries. */
export interface AnswerHeader {
  readonly fragmentId: string;
  readonly streamId: string;
  readonly sequenceNumber: number;
  readonly processingTimeMs: number;
  /** The peer takes bytes as an attachment. */
  readonly binaryAudio: boolean;
  /** The peer knows our extensions, and is told what only they name. */
  readonly extended: boolean;
  readonly gpuUtilization: number | undefined;
}

/** The answer to a fragment that was dubbed. */
export function processedMessage(
  header: AnswerHeader,
  outcome: FragmentOutcome,
): FragmentProcessedMessage {
  const timings = outcome.stageTimings;
  return {
    fragment_id: header.fragmentId,
    stream_id: header.streamId,
    sequence_number: header.sequenceNumber,
    status: outcome.status,
    dubbed_audio: audioMessage(outcome.audio, header.binaryAudio),
    transcript: outcome.transcript,
    translated_text: outcome.translatedText,
    processing_time_ms: header.processingTimeMs,
    ...(timings && {
      stage_timings: {
        asr_ms: Math.round(timings.asrMs),
        translation_ms: Math.round(timings.translationMs),
        tts_ms: Math.round(timings.ttsMs),
      },
    }),
    metadata: metadataMessage(outcome, header.gpuUtilization),
    ...(header.extended && {
      speech_regions: outcome.speechRegions.map((region) => ({
        start_ms: Math.round(region.startMs),
        end_ms: Math.round(region.endMs),
      })),
    }),
    ...(outcome.clauses && outcome.clauses.length > 0 && { clauses: outcome.clauses }),
    ...(outcome.tracks && { tracks: trackMessages(outcome.tracks, header.binaryAudio) }),
  };
}

function trackMessages(
  tracks: ReadonlyMap<string, FragmentTrack>,
  binaryAudio: boolean,
): Record<string, TrackMessage> {
  return Object.fromEntries(
    [...tracks].map(([language, track]) => [
      language,
      {
        dubbed_audio: audioMessage(track.audio, binaryAudio),
        translated_text: track.translatedText,
        status: track.status,
      },
    ]),
  );
}

/** The answer to a fragment that could not be dubbed. */
export function failedMessage(
  header: AnswerHeader,
  failure: FragmentFailure,
): FragmentProcessedMessage {
  return {
    fragment_id: header.fragmentId,
    stream_id: header.streamId,
    sequence_number: header.sequenceNumber,
    status: "failed",
    processing_time_ms: header.processingTimeMs,
    stage_timings: { asr_ms: 0, translation_ms: 0, tts_ms: 0 },
    error: {
      code: failure.code,
      message: failure.message,
      stage: failure.stage,
      retryable: failure.retryable,
      ...(failure.metadata && { metadata: failure.metadata }),
    },
  };
}

/** `dubbed_audio`: bytes as an attachment, or base64. */
export function audioMessage(audio: FragmentAudio, binaryAudio: boolean): DubbedAudioMessage {
  return {
    format: audio.format,
    sample_rate_hz: audio.sampleRateHz,
    channels: audio.channels,
    duration_ms: audio.durationMs,
    ...(binaryAudio ? { data: audio.bytes } : { data_base64: encodeBase64(audio.bytes) }),
  };
}

/** All eight keys of both families, as the contract wants. */
export function metadataMessage(
  outcome: FragmentOutcome,
  gpuUtilization: number | undefined,
): ProcessedMetadataMessage {
  const original = outcome.originalDurationMs;
  const variance =
    original === 0 ? 0 : (Math.abs(outcome.dubbedDurationMs - original) / original) * 100;
  return {
    asr_model: outcome.models.asr,
    translation_model: outcome.models.translation,
    tts_model: outcome.models.tts,
    gpu_utilization: gpuUtilization ?? null,
    original_duration_ms: Math.round(original),
    dubbed_duration_ms: Math.round(outcome.dubbedDurationMs),
    duration_variance_percent: Math.round(variance * 100) / 100,
    speed_ratio: Math.min(2, Math.max(0.5, Math.round(outcome.speedRatio * 1000) / 1000)),
    ...(outcome.warnings.length > 0 && { warnings: outcome.warnings }),
  };
}
