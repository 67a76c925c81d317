import type { ClauseNotice } from "./clauses/line-answer.ts";
import type { RefusalReason } from "./clauses/guards.ts";

/** What is measured of clauses. */
export interface ClauseObserver {
  decoded(streamId: string, kind: "partial" | "final", audioMs: number, tookMs: number): void;
  refused(streamId: string, reason: RefusalReason): void;
  /** A fragment whose words missed their time. */
  missed(streamId: string): void;
  /** A clause's fate in one language was told. */
  clauseTold(streamId: string, notice: ClauseNotice): void;
  /** Work of one stage, for its metrics. */
  stageRan(stage: "asr" | "translation" | "tts", tookMs: number): void;
}
