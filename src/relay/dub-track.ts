/** Speech sets in and breaks off over this many samples (5 ms), where no other piece adjoins. */
const edgeFadeSamples = 240;

interface Segment {
  readonly startSample: number;
  readonly samples: Int16Array;
  adjoinsPrevious: boolean;
  adjoinsNext: boolean;
}

/**
 * One language's dub: mono pieces addressed by stream time, in any order. Pieces that adjoin play through
 * without a seam; the free ends of a piece are faded; where two overlap (late words of one clause
 * under the next) both sound. Bounded: pieces that would exceed `maxSamples` are refused.
 */
export class DubTrack {
  #segments: Segment[] = [];
  #heldSamples = 0;

  constructor(readonly maxSamples: number) {}

  get heldSamples(): number {
    return this.#heldSamples;
  }

  /** One past the last sample held, 0 when there is none. */
  get endSample(): number {
    return this.#segments.reduce((end, segment) => Math.max(end, endOf(segment)), 0);
  }

  /** Adds a piece; false when the track is full and the piece was not taken. */
  add(startSample: number, samples: Int16Array): boolean {
    if (samples.length === 0) return true;
    if (this.#heldSamples + samples.length > this.maxSamples) return false;
    const piece: Segment = { startSample, samples, adjoinsPrevious: false, adjoinsNext: false };
    for (const other of this.#segments) {
      if (endOf(other) === startSample) {
        other.adjoinsNext = true;
        piece.adjoinsPrevious = true;
      }
      if (other.startSample === endOf(piece)) {
        other.adjoinsPrevious = true;
        piece.adjoinsNext = true;
      }
    }
    this.#segments.push(piece);
    this.#heldSamples += samples.length;
    return true;
  }

  /** Whether any piece sounds within the stretch. */
  soundsIn(startSample: number, endSample: number): boolean {
    return this.#segments.some(
      (segment) => segment.startSample < endSample && endOf(segment) > startSample,
    );
  }

  /**
   * The sum of what sounds in `count` samples, as floats in 16-bit scale (not yet limited).
   * @returns undefined where nothing sounds; `covered` counts samples under at least one piece
   */
  read(startSample: number, count: number): { samples: Float32Array; covered: number } | undefined {
    let output: Float32Array | undefined;
    let covered = 0;
    for (const segment of this.#segments) {
      const from = Math.max(startSample, segment.startSample);
      const to = Math.min(startSample + count, endOf(segment));
      if (from >= to) continue;
      output ??= new Float32Array(count);
      covered += to - from;
      const atEdge =
        from < segment.startSample + edgeFadeSamples || to > endOf(segment) - edgeFadeSamples;
      for (let at = from; at < to; at++) {
        const sample = segment.samples[at - segment.startSample] as number;
        output[at - startSample]! += atEdge ? sample * edgeGain(segment, at) : sample;
      }
    }
    return output && { samples: output, covered: Math.min(count, covered) };
  }

  /** Forgets pieces that end at or before a sample. */
  discardBefore(sample: number): void {
    if (!this.#segments.some((segment) => endOf(segment) <= sample)) return;
    this.#segments = this.#segments.filter((segment) => endOf(segment) > sample);
    this.#heldSamples = this.#segments.reduce((sum, segment) => sum + segment.samples.length, 0);
  }
}

function endOf(segment: Segment): number {
  return segment.startSample + segment.samples.length;
}

function edgeGain(segment: Segment, at: number): number {
  const fromStart = at - segment.startSample;
  const toEnd = endOf(segment) - 1 - at;
  let gain = 1;
  if (!segment.adjoinsPrevious && fromStart < edgeFadeSamples) gain = fromStart / edgeFadeSamples;
  if (!segment.adjoinsNext && toEnd < edgeFadeSamples) gain *= toEnd / edgeFadeSamples;
  return gain;
}
