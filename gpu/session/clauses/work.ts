/** Fragment: each by itself within its timeout. Live: by air time. File: no deadline at all. */
export type Pacing = "fragment" | "live" | "file";

/** What a job is worth under overload, cheapest to lose first; this is the order of shedding. */
export const sheddingOrder = ["partial", "redecode", "language", "clause"] as const;
export type Worth = (typeof sheddingOrder)[number];

/** One call to one model, waiting for its lane. The queue knows it by id; what it carries stays with its session. */
export interface Job {
  readonly id: string;
  readonly sessionId: string;
  /** The child (or device) that runs it; lanes do not wait for each other. */
  readonly lane: string;
  readonly pacing: Pacing;
  /** `partial`: captions only. `redecode`: a better opinion. `language`: a further target. `clause`: the dub itself. */
  readonly worth: Worth;
  /** Place of the target language in the session's list, 0 = first; the last language is shed first. */
  readonly languageRank?: number;
  /** Shedding a `clause` job sheds all waiting jobs of that clause. */
  readonly clauseId?: string;
  /** Jobs of one session and lane with the same key start in the order in which they came. */
  readonly orderKey?: string;
  /**
   * When it must be finished, on the caller's monotonic clock, ms: the clause's own deadline less what the stages
   * after this one will take. Not read in file pacing.
   */
  readonly deadlineMs: number;
  /** Expected running time, ms. */
  readonly estimateMs: number;
}

/**
 * `superseded`: a newer partial of its session came. `overload`: the lane cannot do it all in time. `expired`: its
 * deadline passed while it waited. `full`: the bound of the queue. `cancelled`: its session or clause is gone.
 */
export type ShedReason = "superseded" | "overload" | "expired" | "full" | "cancelled";

export interface ShedJob {
  readonly job: Job;
  readonly reason: ShedReason;
}

/** Position in {@link sheddingOrder}: higher is worth more. */
export const worthOf = (job: Job): number => sheddingOrder.indexOf(job.worth);
