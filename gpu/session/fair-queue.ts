interface Waiting {
  readonly start: () => void;
}

/**
 * Runs tasks of many queues on a few places: one task of a queue at a time, in the order in which they
 * came, and queues take turns, so that a busy stream cannot starve the others.
 */
export class FairQueue {
  /** Queues with waiting tasks, the one whose turn is next in front. */
  readonly #queues = new Map<string, Waiting[]>();
  readonly #running = new Set<string>();

  /** @param places tasks that run at the same time */
  constructor(private readonly places: number) {}

  /** Tasks of this queue that have not begun. */
  waiting(queue: string): number {
    return this.#queues.get(queue)?.length ?? 0;
  }

  /** Tasks of all queues that have not begun. */
  get waitingInAll(): number {
    let sum = 0;
    for (const tasks of this.#queues.values()) sum += tasks.length;
    return sum;
  }

  /** Runs the task when its turn comes; rejects with the signal's reason when it is aborted before. */
  async run<Result>(
    queue: string,
    task: () => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result> {
    await this.#turn(queue, signal);
    try {
      return await task();
    } finally {
      this.#running.delete(queue);
      this.#toBack(queue);
      this.#startNext();
    }
  }

  #turn(queue: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const waiting: Waiting = {
        start: () => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      const leave = () => {
        const tasks = this.#queues.get(queue) ?? [];
        tasks.splice(tasks.indexOf(waiting), 1);
        if (tasks.length === 0) this.#queues.delete(queue);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", leave, { once: true });
      const tasks = this.#queues.get(queue);
      if (tasks === undefined) this.#queues.set(queue, [waiting]);
      else tasks.push(waiting);
      this.#startNext();
    });
  }

  /** Who has just had a turn waits behind those who have not. */
  #toBack(queue: string): void {
    const tasks = this.#queues.get(queue);
    if (tasks === undefined) return;
    this.#queues.delete(queue);
    this.#queues.set(queue, tasks);
  }

  #startNext(): void {
    for (const [queue, tasks] of this.#queues) {
      if (this.#running.size >= this.places) return;
      if (this.#running.has(queue)) continue;
      const next = tasks.shift();
      if (tasks.length === 0) this.#queues.delete(queue);
      this.#running.add(queue);
      next?.start();
    }
  }
}
