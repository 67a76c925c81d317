import { EngineError, type EngineStage } from "./engine-error.ts";

export interface RequestLimits {
  readonly signal?: AbortSignal | undefined;
  /** On `performance.now()`'s clock; work that has not begun by then is dropped. */
  readonly deadlineAtMs?: number | undefined;
  /** Longest run, counted from its beginning; absent: no limit but the watchdog's. */
  readonly timeoutMs?: number | undefined;
}

/** A request on its way through one child; it is settled exactly once. */
export class PendingRequest {
  #settle: { resolve(payload: unknown): void; reject(error: Error): void } | undefined;
  readonly answered: Promise<unknown>;
  readonly #askedAtMs = performance.now();
  #begunAtMs: number | undefined;
  #ranMs = 0;

  constructor(
    readonly id: number,
    readonly payload: unknown,
    readonly limits: RequestLimits,
  ) {
    this.answered = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.answered.catch(() => {}); // the caller may have turned away
  }

  get settled(): boolean {
    return this.#settle === undefined;
  }

  /** Length of its run; 0 before it was resolved. */
  get ranMs(): number {
    return this.#ranMs;
  }

  /** Its run starts now. @returns how long it has waited since it was asked for, ms */
  begin(): number {
    this.#begunAtMs = performance.now();
    return this.#begunAtMs - this.#askedAtMs;
  }

  resolve(payload: unknown): void {
    if (this.#begunAtMs !== undefined) this.#ranMs = performance.now() - this.#begunAtMs;
    this.#settle?.resolve(payload);
    this.#settle = undefined;
  }

  reject(error: Error): void {
    this.#settle?.reject(error);
    this.#settle = undefined;
  }
}

/** Why a request never began: no room, its deadline passed while it waited, its caller left. */
export type DropReason = "full" | "expired" | "cancelled";

/**
 * Requests that wait for a child: the earliest deadline first, those of the same deadline as they came, those
 * without one last. Bounded.
 */
export class RequestQueue {
  #waiting: PendingRequest[] = [];

  /** @param onDropped told of each request that never begins for one of these reasons */
  constructor(
    private readonly stage: EngineStage,
    private readonly maxDepth: number,
    private readonly onDropped: (reason: DropReason) => void,
  ) {}

  get length(): number {
    return this.#waiting.length;
  }

  /** @throws {EngineError} `QUEUE_FULL` */
  push(request: PendingRequest): void {
    if (this.#waiting.length >= this.maxDepth) {
      this.onDropped("full");
      throw new EngineError("QUEUE_FULL", {
        message: `${this.#waiting.length} requests wait already`,
        retryable: true,
        blame: "us",
        stage: this.stage,
      });
    }
    const later = this.#waiting.findIndex((other) => deadlineOf(other) > deadlineOf(request));
    this.#waiting.splice(later < 0 ? this.#waiting.length : later, 0, request);
  }

  /** The next request that is still wanted; the others on the way are answered. */
  next(): PendingRequest | undefined {
    for (;;) {
      const request = this.#waiting.shift();
      if (request === undefined || request.settled) {
        if (request === undefined) return undefined;
        continue;
      }
      const late = performance.now() >= deadlineOf(request);
      if (!late && request.limits.signal?.aborted !== true) return request;
      this.onDropped(late ? "expired" : "cancelled");
      request.reject(timeoutError(this.stage, "its time had passed before it began"));
    }
  }

  /** Takes out a request whose caller left. */
  drop(request: PendingRequest): void {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((other) => other !== request);
    if (this.#waiting.length < before) this.onDropped("cancelled");
  }

  /** Answers everything that waits with the same error. */
  rejectAll(error: Error): void {
    for (const request of this.#waiting.splice(0)) request.reject(error);
  }
}

function deadlineOf(request: PendingRequest): number {
  return request.limits.deadlineAtMs ?? Infinity;
}

export function timeoutError(stage: EngineStage, message: string): EngineError {
  return new EngineError("TIMEOUT", { message, retryable: true, blame: "us", stage });
}
