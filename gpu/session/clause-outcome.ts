import type { ClauseMessage } from "../../src/protocol/sts-fragment.ts";
import type { FragmentCodec } from "../codec/fragment-codec.ts";
import type { ModelNames } from "../inference/engine.ts";
import type { ClauseBook, ClauseTimings } from "./clause-book.ts";
import { segmentsOfClauses, spokenIn } from "./clause-segments.ts";
import type { SpeechStretch } from "./clauses/decode-plan.ts";
import type { DubSlice } from "./clauses/dub-track.ts";
import { primarySubtag } from "./clauses/words.ts";
import type {
  FragmentAudio,
  FragmentJob,
  FragmentOutcome,
  FragmentTrack,
  SessionTerms,
} from "./fragment-processor.ts";

/** A fragment that may be answered, and what is known of it. Times on the track, ms. */
export interface AnswerableFragment {
  readonly job: FragmentJob;
  readonly startMs: number;
  readonly endMs: number;
  readonly audioMs: number;
  readonly verdict: "ready" | "late" | "missed";
  /** By primary subtag. */
  readonly dub: ReadonlyMap<string, DubSlice>;
  readonly dubRateHz: number;
  readonly clauses: readonly ClauseMessage[];
  /** What answers before it were to tell, and failed. */
  readonly carried: readonly ClauseMessage[];
  /** Knows more of both than they say. */
  readonly book: Pick<ClauseBook, "recordOf">;
  /** Primary subtags, the first one first. */
  readonly targets: readonly string[];
  readonly speech: readonly SpeechStretch[];
  readonly timings: ClauseTimings;
  /** Of the clauses that begin in it. */
  readonly warnings: readonly string[];
  readonly models: ModelNames;
  readonly terms: SessionTerms;
  readonly codec: FragmentCodec;
  readonly answeredAtMs: number;
}

/** Writes the answer of a fragment: what sounds in it in every language, and which clauses begin in it. */
export async function outcomeOf(fragment: AnswerableFragment): Promise<FragmentOutcome> {
  const { job, dub, targets, clauses, carried, timings, audioMs, terms } = fragment;
  const [first = primarySubtag(terms.targetLanguage)] = targets;
  const all = [...carried, ...clauses];
  const told = all.filter((clause) => clause.status === "dubbed");
  const textIn = (language: string) =>
    told
      .flatMap((clause) => clause.translations?.[language] ?? [])
      .join(" ")
      .trim();
  const fate = (language: string): "success" | "partial" => {
    const isHurt = clauses.some(
      ({ status, languages }) =>
        status !== "dubbed" && (languages === undefined || languages.includes(language)),
    );
    return isHurt || fragment.verdict === "late" ? "partial" : "success";
  };
  const tracks = new Map<string, FragmentTrack>();
  for (const [language, slice] of dub) {
    if (language === first) continue;
    const isSaid = targets.includes(language) || slice.samples.some((sample) => sample !== 0);
    if (isSaid)
      tracks.set(language, {
        audio: await encode(fragment, slice),
        translatedText: textIn(language),
        status: fate(language),
        ...spokenIn(language, told, fragment.book),
      });
  }
  const workMs = timings.asrMs + timings.translationMs + timings.ttsMs;
  const sinceMs = Math.max(0, fragment.answeredAtMs - job.receivedAtMs);
  const tempi = told.flatMap((clause) => clause.dub?.[first]?.tempo ?? []);
  return {
    status: fate(first),
    audio: await encode(fragment, dub.get(first)),
    transcript: told.map((clause) => clause.source_text).join(" "),
    translatedText: textIn(first),
    stageTimings: timings,
    models: fragment.models,
    originalDurationMs: audioMs,
    dubbedDurationMs: audioMs,
    speedRatio: Math.max(...tempi, tempi.length > 0 ? 0 : 1),
    warnings: [...new Set(fragment.warnings)],
    speechRegions: fragment.speech.map((stretch) => ({
      startMs: Math.max(0, stretch.startMs - fragment.startMs),
      endMs: Math.min(audioMs, stretch.endMs - fragment.startMs),
    })),
    heldMs: Math.max(0, sinceMs - workMs),
    clauses: all,
    ...(tracks.size > 0 && { tracks }),
    segments: segmentsOfClauses(told, fragment.book),
    ...spokenIn(first, told, fragment.book),
  };
}

/** @param slice undefined: nothing sounds */
function encode(fragment: AnswerableFragment, slice: DubSlice | undefined): Promise<FragmentAudio> {
  const { job, terms, codec, dubRateHz, audioMs } = fragment;
  const target = {
    format: job.audio.format,
    sampleRateHz: terms.dubSampleRateHz ?? job.audio.sampleRateHz,
    channels: terms.dubChannels ?? job.audio.channels,
    maxBytes: job.maxAnswerBytes,
  };
  return slice === undefined
    ? codec.encode(new Float32Array(), dubRateHz, audioMs, target, job.signal)
    : codec.encodePart(slice, dubRateHz, target, job.signal);
}
