import { victimOf, worstLagMs } from "./overload.ts";
import { type Job, type ShedJob, type ShedReason, type Worth, worthOf } from "./work.ts";

export interface DeadlineQueueOptions {
  /** Jobs waiting at most, over all sessions and lanes. */
  readonly capacity?: number;
  /** Jobs of one session waiting at most: no session crowds out another. */
  readonly sessionCapacity?: number;
  /** While live work waits, one file job runs at the latest after this many others. */
  readonly fileTurn?: number;
}

export interface Submission {
  /** False: there was no room, and nothing cheaper to give up. The caller slows down. */
  readonly accepted: boolean;
  readonly shed: readonly ShedJob[];
}

export interface Choice {
  /** What the lane should run now; it has left the queue. */
  readonly job?: Job;
  readonly shed: readonly ShedJob[];
}

interface Waiting {
  readonly job: Job;
  readonly arrival: number;
}

/**
 * The one order of work of a sidecar: earliest deadline first over all sessions, for each lane.
 * Under overload it gives up, in this order: partials, re-decodes, further languages, whole clauses. Never the order
 * within a session, never memory. Pure: the clock is a parameter, nothing runs here; whoever calls must settle every
 * job that comes back in `shed`.
 */
export class DeadlineQueue {
  #waiting: Waiting[] = [];
  #arrivals = 0;
  #sinceFile = new Map<string, number>();
  #shed = new Map<string, number>();
  readonly #capacity: number;
  readonly #sessionCapacity: number;
  readonly #fileTurn: number;

  constructor(options: DeadlineQueueOptions = {}) {
    this.#capacity = options.capacity ?? 512;
    this.#sessionCapacity = options.sessionCapacity ?? 64;
    this.#fileTurn = options.fileTurn ?? 8;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** How many jobs were shed so far, by worth and reason. */
  shedCount(worth: Worth, reason: ShedReason): number {
    return this.#shed.get(`${worth} ${reason}`) ?? 0;
  }

  submit(job: Job): Submission {
    const shed: ShedJob[] = [];
    if (job.worth === "partial") {
      const older = ({ job: other }: Waiting): boolean =>
        other.worth === "partial" && other.sessionId === job.sessionId && other.lane === job.lane;
      shed.push(...this.#remove(older, "superseded"));
    }
    const own = this.#waiting.filter((one) => one.job.sessionId === job.sessionId);
    if (own.length >= this.#sessionCapacity && !this.#makeRoom(own, job, shed))
      return this.#refuse(job, shed);
    if (this.#waiting.length >= this.#capacity && !this.#makeRoom(this.#waiting, job, shed))
      return this.#refuse(job, shed);
    this.#waiting.push({ job, arrival: this.#arrivals++ });
    return { accepted: true, shed };
  }

  /** Chooses for a lane that is free. */
  next(lane: string, nowMs: number): Choice {
    const shed = [...this.expire(nowMs), ...this.#relieve(lane, nowMs)];
    const timed = this.#timed(lane);
    const file = this.#inLane(lane).find((one) => one.job.pacing === "file");
    const chosen = this.#choose(lane, timed, file, nowMs);
    if (!chosen) return { shed };
    const turnTaken = chosen !== file && file !== undefined;
    this.#sinceFile.set(lane, turnTaken ? (this.#sinceFile.get(lane) ?? 0) + 1 : 0);
    this.#waiting = this.#waiting.filter((one) => one !== chosen);
    return { job: chosen.job, shed };
  }

  /** Takes out what can no longer be done by its deadline because that has passed. */
  expire(nowMs: number): readonly ShedJob[] {
    const late = ({ job }: Waiting): boolean => job.pacing !== "file" && nowMs >= job.deadlineMs;
    const clauses = this.#waiting.filter((one) => late(one)).map((one) => one.job);
    return [...this.#remove(late, "expired"), ...clauses.flatMap((job) => this.#rest(job))];
  }

  /** A session ended, or one of its clauses was dropped. */
  cancel(sessionId: string, clauseId?: string): readonly ShedJob[] {
    const gone = ({ job }: Waiting): boolean =>
      job.sessionId === sessionId && (clauseId === undefined || job.clauseId === clauseId);
    return this.#remove(gone, "cancelled");
  }

  /** How far a lane's timed work would end past its deadlines if all of it ran: what backpressure goes by. */
  lagMs(lane: string, nowMs: number): number {
    const timed = this.#timed(lane).map((one) => one.job);
    return worstLagMs(timed, nowMs);
  }

  #choose(
    lane: string,
    timed: readonly Waiting[],
    file: Waiting | undefined,
    nowMs: number,
  ): Waiting | undefined {
    const first = timed[0];
    if (!first || !file) return first ?? file;
    if ((this.#sinceFile.get(lane) ?? 0) >= this.#fileTurn) return file;
    const jobs = timed.map((one) => one.job);
    // File work costs nothing while every deadline still holds after it.
    return worstLagMs(jobs, nowMs + file.job.estimateMs) === 0 ? file : first;
  }

  #relieve(lane: string, nowMs: number): ShedJob[] {
    const shed: ShedJob[] = [];
    for (;;) {
      const victim = victimOf(
        this.#timed(lane).map((one) => one.job),
        nowMs,
      );
      if (!victim) return shed;
      shed.push(...this.#remove((one) => one.job === victim, "overload"), ...this.#rest(victim));
    }
  }

  /** What still waits of a clause that has lost one of its own jobs is lost with it. */
  #rest(job: Job): ShedJob[] {
    if (job.worth !== "clause" || job.clauseId === undefined) return [];
    const same = ({ job: other }: Waiting): boolean =>
      other.sessionId === job.sessionId && other.clauseId === job.clauseId;
    return this.#remove(same, "overload");
  }

  #inLane(lane: string): Waiting[] {
    return this.#waiting.filter((one) => one.job.lane === lane);
  }

  /**
   * The lane's jobs with deadlines, in the order in which they run: earliest first, of one clause its first language
   * first, and a job that holds up an urgent one of its own chain takes over that one's deadline.
   */
  #timed(lane: string): Waiting[] {
    const jobs = this.#inLane(lane).filter((one) => one.job.pacing !== "file");
    const ofClause = clauseDeadlines(jobs.map((one) => one.job));
    const urgent = new Map<string, number>();
    const keyed = jobs.toReversed().map((one) => {
      const { sessionId, orderKey, deadlineMs, languageRank = 0 } = one.job;
      const clauseMs = ofClause.get(clauseKey(one.job)) ?? deadlineMs;
      const ownMs = clauseMs + languageRank * rankStepMs;
      if (orderKey === undefined) return { one, dueMs: ownMs };
      const chain = JSON.stringify([sessionId, orderKey]);
      const dueMs = Math.min(ownMs, urgent.get(chain) ?? Number.POSITIVE_INFINITY);
      urgent.set(chain, dueMs);
      return { one, dueMs };
    });
    return keyed
      .toSorted((a, b) => a.dueMs - b.dueMs || a.one.arrival - b.one.arrival)
      .map(({ one }) => one);
  }

  /** Gives up the cheapest waiting job for a dearer newcomer. */
  #makeRoom(among: readonly Waiting[], newcomer: Job, shed: ShedJob[]): boolean {
    const cheapest = among
      .filter((one) => one.job.pacing === "live" && worthOf(one.job) < worthOf(newcomer))
      .toSorted(
        (a, b) => worthOf(a.job) - worthOf(b.job) || b.job.deadlineMs - a.job.deadlineMs,
      )[0];
    if (!cheapest) return false;
    shed.push(...this.#remove((one) => one === cheapest, "full"));
    return true;
  }

  #refuse(job: Job, shed: ShedJob[]): Submission {
    this.#count(job, "full");
    return { accepted: false, shed };
  }

  #remove(is: (one: Waiting) => boolean, reason: ShedReason): ShedJob[] {
    const gone = this.#waiting.filter((one) => is(one));
    if (gone.length === 0) return [];
    this.#waiting = this.#waiting.filter((one) => !gone.includes(one));
    for (const { job } of gone) this.#count(job, reason);
    return gone.map(({ job }) => ({ job, reason }));
  }

  #count(job: Job, reason: ShedReason): void {
    const key = `${job.worth} ${reason}`;
    this.#shed.set(key, (this.#shed.get(key) ?? 0) + 1);
  }
}

/** Puts the languages of one clause in their order, and nothing else. */
const rankStepMs = 1e-3;

const clauseKey = ({ sessionId, clauseId }: Job): string => JSON.stringify([sessionId, clauseId]);

/** Of each clause that jobs belong to, the earliest deadline. */
function clauseDeadlines(jobs: readonly Job[]): ReadonlyMap<string, number> {
  const earliest = new Map<string, number>();
  for (const job of jobs) {
    if (job.clauseId === undefined) continue;
    const key = clauseKey(job);
    earliest.set(key, Math.min(job.deadlineMs, earliest.get(key) ?? Number.POSITIVE_INFINITY));
  }
  return earliest;
}
