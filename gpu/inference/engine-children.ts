import { availableParallelism } from "node:os";
import type { Logger } from "../../src/telemetry/log.ts";
import { kokoroSampleRateHz } from "../models/kokoro/kokoro.ts";
import { childEnvironment } from "./child-environment.ts";
import type { ChildObserver } from "./child-observer.ts";
import type { InferenceTask } from "./engine.ts";
import type { EngineStage } from "./engine-error.ts";
import { InferenceChild } from "./inference-child.ts";
import {
  type DetectAnswer,
  type DetectInfo,
  type DetectPayload,
  type HearRequest,
  type HearResult,
  type RecogniseInfo,
  type TranslateInfo,
  type TranslateRequest,
  type TranslateResult,
  type VoiceInfoMessage,
  type VoiceRequest,
  type VoiceResult,
  detectInfo,
  detectResult,
  hearResult,
  recogniseInfo,
  translateInfo,
  translateResult,
  voiceInfo,
  voiceResult,
} from "./messages.ts";

export interface EngineChildrenOptions {
  /** Folder of the weights; see the weight store. */
  readonly modelsDir: string;
  readonly logger: Logger;
  /** Argv that runs a hidden command of this executable: `(task) => selfCommand("livedub-sts", task)`. */
  readonly childCommand: (task: InferenceTask) => readonly string[];
  readonly executionProvider?: "cpu" | "cuda";
  /** Size of the recogniser (folder `asr/whisper-SIZE-onnx`); default `base`. */
  readonly asrModel?: string;
  /** Threads of each of the two heavy children; default half the cores, at least 1. */
  readonly threads?: number;
  /** Requests waiting for each child; one more is refused with `QUEUE_FULL`. Default 20. */
  readonly queueMaxDepth?: number;
  readonly childObserver?: ChildObserver;
}

const gibibyte = 2 ** 30;
const heardRateHz = 16_000;

/** The processes of an engine, one for each task; not started yet. */
export function createEngineChildren(options: EngineChildrenOptions) {
  return {
    detect: new InferenceChild<DetectPayload, DetectInfo, DetectAnswer>({
      ...childOptions(options, "detect", "asr", gibibyte),
      info: detectInfo,
      result: detectResult,
      audioMs: ({ samples }) => lengthMs(samples, heardRateHz),
    }),
    recognise: new InferenceChild<HearRequest, RecogniseInfo, HearResult>({
      ...childOptions(options, "recognise", "asr", 2 * gibibyte),
      info: recogniseInfo,
      result: hearResult,
      audioMs: ({ pcm16k }) => lengthMs(pcm16k, heardRateHz),
    }),
    voice: new InferenceChild<VoiceRequest, VoiceInfoMessage, VoiceResult>({
      ...childOptions(options, "voice", "tts", 3 * gibibyte),
      info: voiceInfo,
      result: voiceResult,
      // sound of a voice service is only fitted here: that tells nothing of the synthesis
      audioMs: (request, { audio }) =>
        "text" in request ? lengthMs(audio, kokoroSampleRateHz) : undefined,
    }),
    translate: new InferenceChild<TranslateRequest, TranslateInfo, TranslateResult>({
      ...childOptions(options, "translate", "translation", gibibyte),
      info: translateInfo,
      result: translateResult,
    }),
  };
}

function childOptions(
  options: EngineChildrenOptions,
  task: InferenceTask,
  stage: EngineStage,
  recycleAboveBytes: number,
) {
  return {
    task,
    stage,
    recycleAboveBytes,
    command: options.childCommand(task),
    env: childEnvironment(),
    start: {
      modelsDir: options.modelsDir,
      threads: options.threads ?? threadsFor(task, availableParallelism()),
      executionProvider: options.executionProvider ?? ("cpu" as const),
      ...(options.asrModel !== undefined && { asrModel: options.asrModel }),
    },
    logger: options.logger,
    queueMaxDepth: options.queueMaxDepth ?? 20,
    observer: options.childObserver,
  };
}

/**
 * Threads of a child where none are asked for. Synthesis is most of the work and what a clause waits for: it may take
 * every core while the recogniser rests. That one's passes are short, and take half.
 */
function threadsFor(task: InferenceTask, cores: number): number {
  return task === "voice" ? cores : Math.max(1, Math.floor(cores / 2));
}

function lengthMs(samples: Float32Array, rateHz: number): number {
  return (1000 * samples.length) / rateHz;
}
