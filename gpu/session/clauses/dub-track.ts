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
  /** What is known of the sound just around it. */
  readonly before: Float32Array;
  readonly after: Float32Array;
  /** Place of its first sample on the track. */
  readonly startSample: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Clauses whose dub begins in the slice, in order. */
  readonly beginning: readonly string[];
}

interface Segment {
  readonly clauseId: string;
  readonly startSample: number;
  readonly samples: Float32Array;
}

/** Sound that is told around a slice: more than any conversion of its rate reaches to. */
const edgeMs = 10;

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
    const edge = this.#sampleAt(edgeMs);
    return {
      samples: this.#between(start, end),
      before: this.#between(start - edge, start),
      after: this.#between(end, end + edge),
      startSample: start,
      startMs,
      endMs: Math.max(startMs, endMs),
      beginning: this.#segments
        .filter(({ startSample }) => startSample >= start && startSample < end)
        .map(({ clauseId }) => clauseId),
    };
  }

  /** True when a placed clause sounds in [startMs, endMs): leaving the slice out would cut its words. */
  soundsWithin(startMs: number, endMs: number): boolean {
    const start = this.#sampleAt(startMs);
    const end = this.#sampleAt(endMs);
    return this.#segments.some(
      (one) => one.startSample < end && one.startSample + one.samples.length > start,
    );
  }

  /** No slice will begin before `ms` again. */
  release(ms: number): void {
    const before = this.#sampleAt(ms - edgeMs);
    this.#segments = this.#segments.filter((one) => one.startSample + one.samples.length > before);
    this.#heldSamples = this.#segments.reduce((sum, one) => sum + one.samples.length, 0);
  }

  #between(start: number, end: number): Float32Array {
    const samples = new Float32Array(end - start);
    for (const segment of this.#segments) {
      const from = Math.max(start, segment.startSample);
      const to = Math.min(end, segment.startSample + segment.samples.length);
      if (to <= from) continue;
      const part = segment.samples.subarray(from - segment.startSample, to - segment.startSample);
      samples.set(part, from - start);
    }
    return samples;
  }

  #sampleAt(ms: number): number {
    return Math.round((ms / 1000) * this.sampleRateHz);
  }
}
