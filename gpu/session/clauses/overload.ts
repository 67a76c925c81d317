import { type Job, worthOf } from "./work.ts";

/** When each of the jobs would end if they ran one after another from `nowMs`. */
export function finishTimes(jobs: readonly Job[], nowMs: number): number[] {
  let atMs = nowMs;
  return jobs.map((job) => (atMs += Math.max(0, job.estimateMs)));
}

/** How far the worst of the jobs would end past its deadline, ms; 0 when all are in time. */
export function worstLagMs(jobs: readonly Job[], nowMs: number): number {
  const finishes = finishTimes(jobs, nowMs);
  return jobs.reduce((lag, job, i) => Math.max(lag, (finishes[i] ?? 0) - job.deadlineMs), 0);
}

/**
 * The next live job to give up so that the rest can be in time, or undefined when nothing is gained by it.
 * At the first job that would miss its deadline, the cheapest one up to it goes; among equals the last language,
 * then the longest (Moore 1968: the fewest jobs are lost that way).
 *
 * A clause that is alone in the lane is tried even when the estimate says it is late: an estimate spoilt by one
 * slow call would otherwise never be corrected.
 *
 * @param jobs of one lane, in the order in which they will run; deadlines of `file` jobs do not count
 */
export function victimOf(jobs: readonly Job[], nowMs: number): Job | undefined {
  const finishes = finishTimes(jobs, nowMs);
  const missed = jobs.findIndex(
    (job, i) => job.pacing === "live" && (finishes[i] ?? 0) > job.deadlineMs,
  );
  if (missed === -1) return undefined;
  const candidates = jobs.slice(0, missed + 1).filter((job) => job.pacing === "live");
  const victim = candidates.reduce<Job | undefined>(
    (worst, job) => (worst && !isCheaper(job, worst) ? worst : job),
    undefined,
  );
  const alone = jobs.length === 1 && victim?.worth === "clause";
  return alone ? undefined : victim;
}

/** True when `job` should go before `other`. */
export function isCheaper(job: Job, other: Job): boolean {
  if (worthOf(job) !== worthOf(other)) return worthOf(job) < worthOf(other);
  const rank = (job.languageRank ?? 0) - (other.languageRank ?? 0);
  if (rank !== 0) return rank > 0;
  return job.estimateMs > other.estimateMs;
}
