import type { DubRequest, DubResult, ModelNames, StageObserver } from "../inference/engine.ts";
import type { EngineStage } from "../inference/engine-error.ts";
import { type Speak, dubFragment, dubSampleRateHz } from "./dub-track.ts";
import type { Recognition } from "./recognise.ts";
import type { Translation } from "./translation/clause-translation.ts";

/** The three stages of one fragment, bound to its languages, voice and limits. */
export interface DubStages {
  recognise(samples: Float32Array): Promise<Recognition>;
  translate(text: string): Promise<Translation>;
  readonly speak: Speak;
}

const nothingHeard: Recognition = { speechRegions: [], utterances: [], rejected: [] };

/** Takes one fragment through the stages and puts the answer together. */
export async function dub(
  request: DubRequest,
  stages: DubStages,
  models: ModelNames,
  onStage: StageObserver = () => {},
): Promise<DubResult> {
  const clock = new StageClock(onStage);
  const warnings = new Set<string>();
  const silent = request.speech === false || request.pcm16k.length === 0;
  const heard = silent
    ? nothingHeard
    : await clock.time("asr", () => stages.recognise(request.pcm16k));
  for (const { reason } of heard.rejected) warnings.add(`transcript_rejected: ${reason}`);

  let translationModel = models.translation;
  const translated = [];
  for (const { startMs, endMs, text } of heard.utterances) {
    const answer = await clock.time("translation", () => stages.translate(text));
    translationModel = answer.model;
    for (const name of answer.fellBackFrom) warnings.add(`translation_fallback: ${name}`);
    for (const lost of answer.warnings) warnings.add(lost);
    translated.push({ startMs, endMs, sourceText: text, translatedText: answer.text.trim() });
  }

  const track = await dubFragment(
    translated.filter((utterance) => utterance.translatedText !== ""),
    request.durationMs,
    (text, slot) => clock.time("tts", () => stages.speak(text, slot)),
  );
  if (track.overrunMs > 0) warnings.add("duration_variance_high");
  return {
    status: track.overrunMs > 0 ? "partial" : "success",
    transcript: heard.utterances.map((utterance) => utterance.text).join(" "),
    translatedText: translated
      .map((utterance) => utterance.translatedText)
      .join(" ")
      .trim(),
    audio: track.audio,
    sampleRateHz: dubSampleRateHz,
    stageTimings: clock.timings,
    originalDurationMs: request.durationMs,
    rawDurationMs: Math.round(track.naturalMs),
    dubbedDurationMs: Math.round((1000 * track.audio.length) / dubSampleRateHz),
    speedRatio: track.highestTempo,
    speedClamped: track.clamped,
    warnings: [...warnings],
    models: { ...models, translation: translationModel },
    utterances: track.utterances,
    heard: heard.utterances,
    speechRegions: heard.speechRegions,
  };
}

/** Adds up what each stage took, waiting included. */
class StageClock {
  readonly timings = { asrMs: 0, translationMs: 0, ttsMs: 0 };

  constructor(private readonly onStage: StageObserver) {}

  async time<Answer>(stage: EngineStage, run: () => Promise<Answer>): Promise<Answer> {
    const begun = performance.now();
    try {
      return await run();
    } finally {
      const tookMs = performance.now() - begun;
      this.timings[`${stage}Ms`] += Math.round(tookMs);
      this.onStage(stage, tookMs);
    }
  }
}
