import { asBytes } from "../audio/pcm.ts";
import { wavBytes } from "../audio/wav-bytes.ts";
import { streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { AssetKind, CaptureMode } from "./bundle-manifest.ts";
import type { FragmentMedia, SettledFragment } from "./settled-fragment.ts";

/** Of which stream and process, for what stands in each file. */
export interface BundleNames {
  readonly streamId: string;
  readonly runId: string;
  readonly instanceId: string;
  readonly sourceLanguage: string;
  readonly targetLanguage: string;
}

/** One file of a fragment's folder. */
export interface FragmentAsset {
  readonly kind: AssetKind;
  readonly name: string;
  readonly content: Uint8Array;
}

/** What is written of one fragment: texts and times always, sound only where media is captured. */
export function fragmentAssets(
  fragment: SettledFragment,
  media: FragmentMedia | undefined,
  mode: CaptureMode,
  names: BundleNames,
  now: Date,
): FragmentAsset[] {
  const json = (kind: AssetKind, name: string, value: unknown): FragmentAsset => ({
    kind,
    name,
    content: new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`),
  });
  const sound = (kind: AssetKind, name: string, content: Uint8Array | undefined) =>
    content === undefined || content.length === 0 ? [] : [{ kind, name, content }];
  const input = media?.input;
  const dub = media?.dub === undefined ? undefined : asBytes(media.dub);
  const wav = (pcm: Uint8Array | undefined) =>
    pcm === undefined ? undefined : wavBytes(pcm, streamSampleRateHz, 1);
  return [
    json("stt-json", "stt.json", transcriptOf(fragment, names, now)),
    json("tts-json", "tts.json", dubOf(fragment, names, now)),
    json("timing-json", "timing.json", timingOf(fragment)),
    ...(mode === "metadata" ? [] : sound("in-wav", "in.wav", wav(input))),
    ...(mode === "metadata" ? [] : sound("out-wav", "out.wav", wav(dub))),
    ...(mode === "debug" ? sound("in-pcm", "in.pcm", input) : []),
  ];
}

/** By the lineage of contract 8.1: fragment → transcript → translation → dubbed audio. */
function transcriptOf(fragment: SettledFragment, names: BundleNames, now: Date) {
  const { fragmentId, sequenceNumber, stageTimings } = fragment;
  return {
    asset_id: `transcript-${fragmentId}-${sequenceNumber ?? 0}`,
    ...commonKeys(fragment, names, now),
    parent_asset_ids: [`fragment:${fragmentId}`],
    component: "asr",
    latency_ms: stageTimings?.asr_ms ?? null,
    language: names.sourceLanguage,
    transcript: fragment.transcript,
    segments:
      fragment.transcript === ""
        ? []
        : [
            {
              start_time_ms: milliseconds(fragment.startSample),
              end_time_ms: milliseconds(fragment.endSample),
              text: fragment.transcript,
            },
          ],
  };
}

function dubOf(fragment: SettledFragment, names: BundleNames, now: Date) {
  const { fragmentId, sequenceNumber, stageTimings, dubStartSample, dubEndSample } = fragment;
  const sounds = dubStartSample !== null && dubEndSample !== null;
  return {
    asset_id: `audio-${fragmentId}-${sequenceNumber ?? 0}`,
    ...commonKeys(fragment, names, now),
    parent_asset_ids: [`translation-${fragmentId}-${sequenceNumber ?? 0}`],
    component: "tts",
    latency_ms: stageTimings?.tts_ms ?? null,
    language: names.targetLanguage,
    translated_text: fragment.translatedText,
    audio_format: "pcm_s16le",
    sample_rate_hz: streamSampleRateHz,
    channels: 1,
    duration_ms: sounds ? milliseconds(dubEndSample - dubStartSample) : 0,
    duration_metadata: {
      original_duration_ms: milliseconds(fragment.endSample - fragment.startSample),
      speed_ratio: fragment.tempo,
    },
  };
}

function commonKeys(fragment: SettledFragment, names: BundleNames, now: Date) {
  const { outcome, reason, detail } = fragment;
  const failed = outcome === "fallback";
  return {
    stream_id: names.streamId,
    sequence_number: fragment.sequenceNumber,
    created_at: now.toISOString(),
    component_instance: names.instanceId,
    status: failed ? "failed" : outcome === "partial" ? "partial" : "success",
    errors: reason === null ? [] : [{ error_type: reason, message: detail ?? reason }],
  };
}

function timingOf(fragment: SettledFragment) {
  const orNull = (sample: number | null) => (sample === null ? null : milliseconds(sample));
  return {
    fragment_id: fragment.fragmentId,
    sequence_number: fragment.sequenceNumber,
    start_ms: milliseconds(fragment.startSample),
    end_ms: milliseconds(fragment.endSample),
    dub_start_ms: orNull(fragment.dubStartSample),
    dub_end_ms: orNull(fragment.dubEndSample),
    outcome: fragment.outcome,
    reason: fragment.reason,
    processing_time_ms: fragment.processingTimeMs,
    round_trip_ms: fragment.roundTripMs,
    stage_timings: fragment.stageTimings,
  };
}

/** Stream time in whole milliseconds. */
export function milliseconds(samples: number): number {
  return Math.round((samples * 1000) / streamSampleRateHz);
}
