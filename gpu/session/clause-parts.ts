import type { FragmentCodec } from "../codec/fragment-codec.ts";
import type { ModelNames } from "../inference/engine.ts";
import type { EngineStages } from "../inference/stages.ts";
import type { ClauseObserver } from "./clause-observer.ts";
import type { StageCosts } from "./stage-costs.ts";
import type { WorkScheduler } from "./work-scheduler.ts";

/** Time limits of the stages, ms. */
export interface StageTimeouts {
  readonly asrMs: number;
  readonly translationMs: number;
  readonly ttsMs: number;
}

/** What every session by clauses shares with the others. */
export interface ClauseParts {
  readonly stages: EngineStages;
  readonly models: () => ModelNames;
  readonly codec: FragmentCodec;
  readonly scheduler: WorkScheduler;
  readonly costs: StageCosts;
  readonly observer: ClauseObserver;
  /** Longest run of each stage in live sessions, ms; files have none. */
  readonly stageTimeouts: StageTimeouts;
}
