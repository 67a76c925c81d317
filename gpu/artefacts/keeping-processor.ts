import {
  FragmentFailure,
  type FragmentJob,
  type FragmentOutcome,
  type FragmentProcessor,
  type HeldProcessing,
} from "../session/fragment-processor.ts";
import type { AnsweredFragment } from "./lineage.ts";

/** Gives every fragment that a processor answers to whoever keeps them; answers leave as they would without. */
export class KeepingProcessor implements FragmentProcessor {
  constructor(
    private readonly processor: FragmentProcessor,
    private readonly keep: (fragment: AnsweredFragment) => void,
  ) {}

  get held(): HeldProcessing | undefined {
    return this.processor.held;
  }

  waiting(queue: string): number {
    return this.processor.waiting(queue);
  }

  async process(job: FragmentJob): Promise<FragmentOutcome> {
    try {
      const outcome = await this.processor.process(job);
      this.#keep(job, { outcome }, outcome.heldMs);
      return outcome;
    } catch (error) {
      if (error instanceof FragmentFailure) this.#keep(job, { failure: error });
      throw error;
    }
  }

  #keep(job: FragmentJob, result: AnsweredFragment["result"], heldMs = 0): void {
    const processingMs = performance.now() - job.receivedAtMs - heldMs;
    this.keep({ job, result, processingMs, answeredAt: new Date() });
  }
}
