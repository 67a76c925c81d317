import type { RelayToSupervisor } from "../protocol/supervisor.ts";

const answerWithinMs = 10_000;

interface Request {
  readonly resolve: (url: string) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Asks the supervisor for push URLs and matches its answers to the questions. */
export class PushUrls {
  #next = 1;
  #open = new Map<number, Request>();

  constructor(private readonly send: (message: RelayToSupervisor) => void) {}

  /** @throws {Error} when no answer comes within 10 s, or the relay is closed meanwhile */
  request(language: string, filler: string | undefined): Promise<string> {
    const request = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#open.delete(request);
        reject(new Error(`no push URL came within ${answerWithinMs / 1000} s`));
      }, answerWithinMs);
      this.#open.set(request, { resolve, reject, timer });
      const having = filler === undefined ? {} : { filler };
      this.send({ type: "push-request", request, language, ...having });
    });
  }

  answer(request: number, url: string): void {
    const waiting = this.#open.get(request);
    if (waiting === undefined) return;
    this.#open.delete(request);
    clearTimeout(waiting.timer);
    waiting.resolve(url);
  }

  close(): void {
    for (const { reject, timer } of this.#open.values()) {
      clearTimeout(timer);
      reject(new Error("the relay is closed"));
    }
    this.#open.clear();
  }
}
