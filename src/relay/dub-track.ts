import { correlationOf, crossfade } from "../audio/crossfade.ts";

/** Speech sets in and breaks off over this many samples (5 ms), where no other piece adjoins. */
const edgeFadeSamples = 240;

interface Segment {
  readonly startSample: number;
  readonly samples: Int16Array;
  adjoinsPrevious: boolean;
  adjoinsNext: boolean;
  /** How it comes in over the end of the piece before it. */
  fadeIn?: Fade;
  /** How it goes out under the beginning of the piece after it. */
  fadeOut?: Fade;
}

/** Gains for the samples from `startSample` on. */
interface Fade {
  readonly startSample: number;
  readonly gains: Float32Array;
}

/**
 * One language's dub: mono pieces addressed by stream time, in any order. Pieces that adjoin play through
 * without a seam; the free ends of a piece are faded; where two overlap (late words of one clause
 * under the next) both sound, unless one is to take over from the other. Bounded: pieces that would exceed
 * `maxSamples` are refused.
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

  /**
   * Adds a piece; false when the track is full and the piece was not taken.
   *
   * @param crossfadeSamples of its beginning, in which it takes over from what is there already
   */
  add(startSample: number, samples: Int16Array, crossfadeSamples = 0): boolean {
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
    this.#takeOver(piece, Math.min(crossfadeSamples, samples.length));
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
      const isShaped =
        from < segment.startSample + edgeFadeSamples ||
        to > endOf(segment) - edgeFadeSamples ||
        overlaps(segment.fadeIn, from, to) ||
        overlaps(segment.fadeOut, from, to);
      for (let at = from; at < to; at++) {
        const sample = segment.samples[at - segment.startSample] as number;
        output[at - startSample]! += isShaped ? sample * gainOf(segment, at) : sample;
      }
    }
    return output && { samples: output, covered: Math.min(count, covered) };
  }

  /** Has the piece take over from those that sound where it begins; where nothing does, its end is a free one. */
  #takeOver(piece: Segment, length: number): void {
    const { startSample } = piece;
    const going = this.#segments.filter(
      (one) => endOf(one) > startSample && one.startSample < startSample + length,
    );
    if (going.length === 0) return;
    for (const one of going) one.adjoinsNext = true;
    const before = this.read(startSample, length)?.samples ?? [];
    const gains = crossfade(length, correlationOf(before, piece.samples));
    for (const one of going) one.fadeOut = { startSample, gains: gains.out };
    piece.fadeIn = { startSample, gains: gains.in };
    piece.adjoinsPrevious = true;
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

function overlaps(fade: Fade | undefined, from: number, to: number): boolean {
  return fade !== undefined && fade.startSample < to && fade.startSample + fade.gains.length > from;
}

/** The gain of one sample: at free ends, and where the piece comes in or goes out with another. */
function gainOf(segment: Segment, at: number): number {
  const fromStart = at - segment.startSample;
  const toEnd = endOf(segment) - 1 - at;
  let gain = fadeGain(segment.fadeIn, at, 1) * fadeGain(segment.fadeOut, at, 0);
  if (!segment.adjoinsPrevious && fromStart < edgeFadeSamples) gain *= fromStart / edgeFadeSamples;
  if (!segment.adjoinsNext && toEnd < edgeFadeSamples) gain *= toEnd / edgeFadeSamples;
  return gain;
}

/** @param after what it is beyond the fade's end; before its beginning it is 1 for what goes out */
function fadeGain(fade: Fade | undefined, at: number, after: 0 | 1): number {
  if (fade === undefined || at < fade.startSample) return 1;
  return fade.gains[at - fade.startSample] ?? after;
}
