import type { InferenceTask } from "./engine.ts";
import type { DropReason } from "./request-queue.ts";

/** What is measured of one inference child. */
export interface ChildObserver {
  /** It has loaded for the first time. */
  started(task: InferenceTask): void;
  /** It is started once more, after a death or to be rid of what it has grown to. */
  restarted(task: InferenceTask): void;
  /** A run has begun; @param waitedMs from the request to here, a restart in between included */
  runBegan(task: InferenceTask, waitedMs: number): void;
  /** A request will never begin. */
  requestDropped(task: InferenceTask, reason: DropReason): void;
  /** A run over sound has answered; @param audioMs how much sound it took or made, above 0 */
  soundRan(task: InferenceTask, workMs: number, audioMs: number): void;
}
