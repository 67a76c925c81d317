import { streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { Stretch } from "./fragmenter.ts";

const samplesPerMs = streamSampleRateHz / 1000;

/** How much of the fragment before it each fragment hears again: of speech that was cut in its midst alone. */
export class FragmentOverlap {
  /** The most that a fragment hears again, in samples. */
  readonly most: number;
  #before: Stretch | undefined;

  /** @param overlapMs 0..200 */
  constructor(overlapMs: number) {
    this.most = overlapMs * samplesPerMs;
  }

  /**
   * Takes the next stretch.
   * @returns in samples, whole milliseconds; at most half of what came before, so that no sound is heard by three
   */
  next(stretch: Stretch): number {
    const before = this.#before;
    this.#before = stretch.speech ? stretch : undefined;
    if (!stretch.speech || before?.endSample !== stretch.startSample) return 0;
    const half = (before.endSample - before.startSample) / 2;
    return Math.min(this.most, Math.floor(half / samplesPerMs) * samplesPerMs);
  }
}
