import type { FragmentCodec } from "../codec/fragment-codec.ts";
import { EngineError } from "../inference/engine-error.ts";
import type { DubEngine, DubResult } from "../inference/engine.ts";
import { FairQueue } from "./fair-queue.ts";
import {
  FragmentFailure,
  type FragmentJob,
  type FragmentOutcome,
  type FragmentProcessor,
} from "./fragment-processor.ts";

export interface EngineProcessorOptions {
  readonly engine: DubEngine;
  readonly codec: FragmentCodec;
  /** Fragments in the engine at the same time. */
  readonly places: number;
  /** What is answered for speech whose translation is empty. */
  readonly emptyTranslation: "silence" | "original";
  /** Shares of the original's length up to which a dub is `success`, and beyond which it is warned of. */
  readonly varianceSuccessMax: number;
  readonly variancePartialMax: number;
  /** A fragment has begun after waiting this long for its turn. */
  readonly onWaited: (streamId: string, waitedMs: number) => void;
}

/** Dubs each fragment by itself through the engine: a stream's fragments one by one, streams in turns. */
export class EngineProcessor implements FragmentProcessor {
  readonly queue: FairQueue;

  constructor(private readonly options: EngineProcessorOptions) {
    this.queue = new FairQueue(options.places);
  }

  waiting(queue: string): number {
    return this.queue.waiting(queue);
  }

  async process(job: FragmentJob): Promise<FragmentOutcome> {
    try {
      const queuedAtMs = performance.now();
      const begin = () => {
        this.options.onWaited(job.streamId, performance.now() - queuedAtMs);
        return this.#dub(job);
      };
      return await this.queue.run(job.queue, begin, job.signal);
    } catch (error) {
      throw asFragmentFailure(error, job.signal);
    }
  }

  async #dub(job: FragmentJob): Promise<FragmentOutcome> {
    const { codec, engine } = this.options;
    const { audio, terms, signal } = job;
    const decoded = job.speech
      ? await codec.decode(audio, signal)
      : { pcm16k: new Float32Array(), durationMs: audio.durationMs };
    const result = await engine.process(
      {
        streamId: job.streamId,
        fragmentId: job.fragmentId,
        pcm16k: decoded.pcm16k,
        sourceLanguage: terms.sourceLanguage,
        targetLanguage: terms.targetLanguage,
        voiceProfile: terms.voiceProfile,
        durationMs: decoded.durationMs,
        domainHints: terms.domainHints,
        speech: job.speech,
        file: terms.pacing === "file",
        ...(job.deadlineAtMs !== undefined && { deadlineAtMs: job.deadlineAtMs }),
      },
      signal,
    );
    const untranslated = result.transcript.trim() !== "" && result.translatedText.trim() === "";
    const original = untranslated && this.options.emptyTranslation === "original";
    const dubbedMs = original ? decoded.durationMs : result.dubbedDurationMs;
    const answer = await codec.encode(
      original ? decoded.pcm16k : result.audio,
      original ? 16_000 : result.sampleRateHz,
      // an answer as long as its fragment has exactly its samples, whatever rounding did to the rate
      Math.abs(dubbedMs - decoded.durationMs) < 1 ? decoded.durationMs : dubbedMs,
      {
        format: audio.format,
        sampleRateHz: terms.dubSampleRateHz ?? audio.sampleRateHz,
        channels: terms.dubChannels ?? audio.channels,
        maxBytes: job.maxAnswerBytes,
      },
      signal,
    );
    const startMs = (job.ptsNs ?? 0) / 1e6;
    const segments = result.heard.map(({ sureness, ...said }) => ({
      ...said,
      ...sureness,
      startMs: Math.round(startMs + said.startMs),
      endMs: Math.round(startMs + said.endMs),
    }));
    return { ...this.#judge(result, decoded.durationMs, dubbedMs), audio: answer, segments };
  }

  /** Status and warnings by how far the dub's length is from the original's. */
  #judge(
    result: DubResult,
    originalMs: number,
    dubbedMs: number,
  ): Omit<FragmentOutcome, "audio" | "segments"> {
    const variance = originalMs === 0 ? 0 : Math.abs(dubbedMs - originalMs) / originalMs;
    const warnings = new Set(result.warnings);
    if (variance > this.options.varianceSuccessMax) warnings.add("duration_variance_high");
    if (variance > this.options.variancePartialMax) warnings.add("duration_mismatch");
    const within = variance <= this.options.varianceSuccessMax;
    return {
      status: within && result.status === "success" ? "success" : "partial",
      transcript: result.transcript,
      translatedText: result.translatedText,
      stageTimings: result.stageTimings,
      models: result.models,
      originalDurationMs: originalMs,
      dubbedDurationMs: dubbedMs,
      speedRatio: result.speedRatio,
      rawDurationMs: result.rawDurationMs,
      speedClamped: result.speedClamped,
      warnings: [...warnings],
      speechRegions: result.speechRegions,
    };
  }
}

function asFragmentFailure(error: unknown, signal: AbortSignal): FragmentFailure {
  if (error instanceof FragmentFailure) return error;
  if (error instanceof EngineError)
    return new FragmentFailure(error.code, error.message, {
      stage: error.stage ?? "asr",
      retryable: error.retryable,
      metadata: error.metadata,
    });
  const message = error instanceof Error ? error.message : "unknown error";
  const code = signal.aborted ? "TIMEOUT" : "PROCESSING_ERROR";
  return new FragmentFailure(code, message, { stage: "asr", retryable: true });
}
