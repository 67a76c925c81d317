import type { Logger } from "../../src/telemetry/log.ts";
import type { DubEngine, InferenceTask, StageObserver } from "./engine.ts";

/** A named voice of the operator's own file, beside the package's voices. */
export interface VoiceProfile {
  /** Primary subtag; the profile is offered for this language only. */
  readonly language: string;
  /** A voice of the package, for example `pf_dora`; absent: the language's default voice. */
  readonly speaker?: string;
}

export interface RealEngineOptions {
  /** Folder of the weights; see the weight store. */
  readonly modelsDir: string;
  readonly logger: Logger;
  /** Argv that runs a hidden command of this executable: `(task) => selfCommand("livedub-sts", task)`. */
  readonly childCommand: (task: InferenceTask) => readonly string[];
  readonly executionProvider?: "cpu" | "cuda";
  /** Threads of each of the two heavy children; default half the cores, at least 1. */
  readonly threads?: number;
  /** Turns the cloud provider on for every pair it serves; never logged. */
  readonly deeplApiKey?: string;
  readonly voiceProfiles?: Readonly<Record<string, VoiceProfile>>;
  /** Time limits of the stages; `file` requests have none. */
  readonly asrTimeoutMs?: number;
  readonly translationTimeoutMs?: number;
  readonly ttsTimeoutMs?: number;
  /** Requests waiting for each child; one more is refused with `QUEUE_FULL`. Default 20. */
  readonly queueMaxDepth?: number;
  readonly onStage?: StageObserver;
}

export type CreateRealEngine = (options: RealEngineOptions) => DubEngine;
