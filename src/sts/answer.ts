import type { FragmentProcessed } from "../protocol/sts-fragment.ts";
import type { ProcessAnswer } from "../protocol/sts-http.ts";
import type { AnswerTrack, FragmentAnswer } from "./fragment.ts";

/** Reads `fragment:processed` of any server. */
export function readAnswer(message: FragmentProcessed): FragmentAnswer {
  const timings = message.stage_timings;
  return {
    status: message.status,
    audio: message.dubbed_audio,
    transcript: message.transcript,
    translatedText: message.translated_text,
    processingTimeMs: message.processing_time_ms,
    stageTimings:
      timings?.asr_ms === undefined ||
      timings.translation_ms === undefined ||
      timings.tts_ms === undefined
        ? undefined
        : {
            asr_ms: timings.asr_ms,
            translation_ms: timings.translation_ms,
            tts_ms: timings.tts_ms,
          },
    tempo: message.metadata?.speed_ratio,
    engine: engineOf(message.metadata?.asr_model),
    error: message.error,
    clauses: message.clauses,
    tracks: message.tracks && readTracks(message.tracks),
  };
}

function readTracks(
  tracks: NonNullable<FragmentProcessed["tracks"]>,
): Readonly<Record<string, AnswerTrack>> {
  return Object.fromEntries(
    Object.entries(tracks).map(([language, track]) => [
      language,
      { audio: track.dubbed_audio, failed: track.status === "failed" },
    ]),
  );
}

/** Reads the answer of the HTTP contract. */
export function readProcessAnswer(answer: ProcessAnswer): FragmentAnswer {
  const metadata = answer.metadata ?? {};
  const tempo = metadata["speed_ratio"];
  return {
    status: answer.status === "error" ? "failed" : answer.status,
    audio: answer.dubbed_audio,
    transcript: answer.transcript,
    translatedText: answer.translated_text,
    processingTimeMs: answer.processing_time_ms,
    stageTimings: undefined,
    tempo: typeof tempo === "number" ? tempo : undefined,
    engine: engineOf(metadata["asr_model"]),
    error: answer.error,
  };
}

/** Engines that play back what they get name themselves in the model's name. */
function engineOf(asrModel: unknown): string | undefined {
  return typeof asrModel === "string" && /^echo\b/i.test(asrModel) ? "echo" : undefined;
}
