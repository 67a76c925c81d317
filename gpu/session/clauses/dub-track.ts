export interface PlacedDub {
  readonly clauseId: string;
  /** Session time of its first sample, ms. */
  readonly startMs: number;
  /** Mono at the track's rate. */
  readonly samples: Float32Array;
}

export interface DubSlice {
  /** Exactly the samples of [startMs, endMs); silence where no clause sounds. */
  readonly samples: Float32Array;
  /** Clauses whose dub begins in the slice, in order. */
  readonly beginning: readonly string[];
}

interface Segment {
  readonly clauseId: string;
  readonly startSample: number;
  readonly samples: Float32Array;
}

/**
 * The dub of one language, to be read back fragment by fragment. Slices that touch in time touch in samples: read
 * one after another they give every clause whole. Holds at most `longestSeconds` of speech.
 */
export class DubTrack {
  #segments: Segment[] = [];
  #heldSamples = 0;
  readonly #longestSamples: number;

  constructor(
    readonly sampleRateHz: number,
    longestSeconds = 120,
  ) {
    this.#longestSamples = Math.round(longestSeconds * sampleRateHz);
  }

  get heldSamples(): number {
    return this.#heldSamples;
  }

  /**
   * Clauses come in their order, and none before the end of the one before: that is what isochrony gives.
   *
   * @returns false when the track holds too much already; the clause counts as dropped
   */
  place(dub: PlacedDub): boolean {
    if (this.#heldSamples + dub.samples.length > this.#longestSamples) return false;
    const last = this.#segments.at(-1);
    const free = last ? last.startSample + last.samples.length : Number.NEGATIVE_INFINITY;
    const startSample = Math.max(free, this.#sampleAt(dub.startMs));
    this.#segments.push({ clauseId: dub.clauseId, startSample, samples: dub.samples });
    this.#heldSamples += dub.samples.length;
    return true;
  }

  read(startMs: number, endMs: number): DubSlice {
    const start = this.#sampleAt(startMs);
    const end = Math.max(start, this.#sampleAt(endMs));
    const samples = new Float32Array(end - start);
    const beginning: string[] = [];
    for (const segment of this.#segments) {
      const from = Math.max(start, segment.startSample);
      const to = Math.min(end, segment.startSample + segment.samples.length);
      if (segment.startSample >= start && segment.startSample < end)
        beginning.push(segment.clauseId);
      if (to <= from) continue;
      const part = segment.samples.subarray(from - segment.startSample, to - segment.startSample);
      samples.set(part, from - start);
    }
    return { samples, beginning };
  }

  /** True when a placed clause sounds in [startMs, endMs): leaving the slice out would cut its words. */
  soundsWithin(startMs: number, endMs: number): boolean {
    const start = this.#sampleAt(startMs);
    const end = this.#sampleAt(endMs);
    return this.#segments.some(
      (one) => one.startSample < end && one.startSample + one.samples.length > start,
    );
  }

  /** Nothing before `ms` will be read again. */
  release(ms: number): void {
    const before = this.#sampleAt(ms);
    this.#segments = this.#segments.filter((one) => one.startSample + one.samples.length > before);
    this.#heldSamples = this.#segments.reduce((sum, one) => sum + one.samples.length, 0);
  }

  #sampleAt(ms: number): number {
    return Math.round((ms / 1000) * this.sampleRateHz);
  }
}
