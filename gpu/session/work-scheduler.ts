import { DeadlineQueue, type DeadlineQueueOptions } from "./clauses/deadlines.ts";
import type { Job, ShedJob, ShedReason, Worth } from "./clauses/work.ts";

/** One call to one model: when it is due, how it runs, and what becomes of its session when it does not. */
export interface Work {
  readonly job: Omit<Job, "id">;
  /** Runs once, unless it was shed. Must not reject. */
  run(): Promise<void>;
  /** Given up before it ran. Called at most once, never after {@link run}. */
  shed(reason: ShedReason): void;
}

export interface WorkSchedulerOptions extends DeadlineQueueOptions {
  /** Calls of a lane that may run at the same time; 1 where nothing is said. */
  readonly places?: Readonly<Record<string, number>>;
  readonly now?: () => number;
  readonly onShed?: (worth: Worth, reason: ShedReason) => void;
  readonly onError?: (error: unknown) => void;
}

/** The one scheduler of a sidecar: every session's model calls go through it, earliest deadline first, lane by lane. */
export class WorkScheduler {
  readonly #queue: DeadlineQueue;
  readonly #waiting = new Map<string, Work>();
  readonly #running = new Map<string, number>();
  #ids = 0;

  constructor(private readonly options: WorkSchedulerOptions = {}) {
    this.#queue = new DeadlineQueue(options);
  }

  /** Work that has not begun. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Takes work on. It may be shed at once, when there is no room and nothing cheaper to give up. */
  submit(work: Work): void {
    const id = String(this.#ids++);
    this.#waiting.set(id, work);
    const { accepted, shed } = this.#queue.submit({ ...work.job, id });
    if (!accepted) this.#give(id, work.job.worth, "full");
    this.#settle(shed);
    this.#pump(work.job.lane);
  }

  /** A session ended, or one of its clauses is settled: its work is forgotten without a word. */
  cancel(sessionId: string, clauseId?: string): void {
    for (const { job } of this.#queue.cancel(sessionId, clauseId)) this.#waiting.delete(job.id);
  }

  /** How far a lane's work would end past its deadlines if all of it ran, ms. */
  lagMs(lane: string): number {
    return this.#queue.lagMs(lane, this.#now());
  }

  #pump(lane: string): void {
    const places = this.options.places?.[lane] ?? 1;
    while ((this.#running.get(lane) ?? 0) < places) {
      const { job, shed } = this.#queue.next(lane, this.#now());
      this.#settle(shed);
      const work = job && this.#waiting.get(job.id);
      if (job === undefined || work === undefined) return;
      this.#waiting.delete(job.id);
      this.#running.set(lane, (this.#running.get(lane) ?? 0) + 1);
      void this.#run(lane, work);
    }
  }

  async #run(lane: string, work: Work): Promise<void> {
    try {
      await work.run();
    } catch (error) {
      this.options.onError?.(error);
    } finally {
      this.#running.set(lane, (this.#running.get(lane) ?? 1) - 1);
      this.#pump(lane);
    }
  }

  #settle(shed: readonly ShedJob[]): void {
    for (const { job, reason } of shed) this.#give(job.id, job.worth, reason);
  }

  #give(id: string, worth: Worth, reason: ShedReason): void {
    const work = this.#waiting.get(id);
    if (work === undefined) return;
    this.#waiting.delete(id);
    this.options.onShed?.(worth, reason);
    work.shed(reason);
  }

  #now(): number {
    return (this.options.now ?? (() => performance.now()))();
  }
}
