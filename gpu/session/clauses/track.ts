/** The track is 16 kHz mono, what recognisers and the voice activity detector take. */
export const trackRateHz = 16_000;

/** Sample storage grows by the second: what is never heard (holes, speechless stretches) costs nothing. */
const blockSamples = trackRateHz;

export interface TrackOptions {
  /** Samples kept at most, as seconds; the oldest go first and are counted. */
  readonly longestSeconds?: number;
  /** Stamps this close to the end of the track join it: rounding, not a hole. */
  readonly jitterMs?: number;
  /** A stamp further back than this is a clock that jumped, not an overlap. */
  readonly longestOverlapMs?: number;
  /** A stamp further ahead than this is a clock that jumped, not a hole. */
  readonly longestHoleMs?: number;
}

/** Sound or its absence, with its place. */
export interface TrackPiece {
  /** Mono 16 kHz; absent for `speech:false`: time without sound. */
  readonly samples?: Float32Array;
  /** Only read without `samples`. */
  readonly durationMs?: number;
  /** Session time of the first sample by the sender's clock; absent: it follows what came before. */
  readonly ptsNs?: number | undefined;
}

/** Where a piece went; all in samples of the track. */
export interface Placement {
  /** First sample that is new, after the overlap. */
  readonly startSample: number;
  readonly endSample: number;
  /** Where the piece begins by its stamp; before `startSample` where it overlapped. */
  readonly pieceStartSample: number;
  readonly overlapSamples: number;
  /** Time without sound that was left before the piece. */
  readonly holeSamples: number;
  /** The sender's clock jumped: what was being said must be closed, nothing joins across. */
  readonly jumped: boolean;
  /** NaN, infinite or beyond full scale, and corrected. */
  readonly repairedSamples: number;
}

export interface SoundRegion {
  readonly startSample: number;
  readonly endSample: number;
}

interface Span {
  readonly startSample: number;
  /** Sender's sample count minus the track's. */
  readonly offsetSamples: number;
}

/** A piece of sender's time must fit a double exactly; past this a stamp is nonsense. */
const longestPtsNs = Number.MAX_SAFE_INTEGER;

/**
 * The continuous sound of one session, placed by the sender's stamps.
 * Its own sample count only goes forward. It equals session time until the sender's clock jumps; from then on
 * {@link ptsMsAt} gives the sender's time. Memory is bounded by `longestSeconds`, however long the session is.
 */
export class SessionTrack {
  #blocks = new Map<number, Float32Array>();
  #sounding: { startSample: number; endSample: number }[] = [];
  #spans: Span[] = [];
  #endSample: number | undefined;
  #firstKept = 0;
  #lost = 0;
  readonly #longestSamples: number;
  readonly #jitter: number;
  readonly #longestOverlap: number;
  readonly #longestHole: number;

  constructor(options: TrackOptions = {}) {
    this.#longestSamples = Math.round((options.longestSeconds ?? 90) * trackRateHz);
    this.#jitter = samplesOf(options.jitterMs ?? 1.5);
    this.#longestOverlap = samplesOf(options.longestOverlapMs ?? 2000);
    this.#longestHole = samplesOf(options.longestHoleMs ?? 600_000);
  }

  /** One past the newest sample; 0 before the first piece. */
  get endSample(): number {
    return this.#endSample ?? 0;
  }

  /** The oldest sample that can still be read as it was. */
  get firstKeptSample(): number {
    return this.#firstKept;
  }

  /** Samples pushed out by the bound before they were released. */
  get lostSamples(): number {
    return this.#lost;
  }

  /** Bytes held for samples. */
  get heldBytes(): number {
    return this.#blocks.size * blockSamples * Float32Array.BYTES_PER_ELEMENT;
  }

  append(piece: TrackPiece): Placement {
    const length = piece.samples?.length ?? samplesOf(Math.max(0, finite(piece.durationMs)));
    const { begin, jumped } = this.#place(piece.ptsNs);
    const end = this.#endSample ?? begin;
    const overlap = Math.min(length, Math.max(0, end - begin));
    const startSample = Math.max(end, begin);
    const endSample = Math.max(end, begin + length);
    this.#endSample = endSample;
    const fresh = piece.samples?.subarray(overlap);
    const repaired = fresh ? this.#store(startSample, fresh) : 0;
    this.#bound();
    return {
      startSample,
      endSample,
      pieceStartSample: begin,
      overlapSamples: overlap,
      holeSamples: Math.max(0, begin - end),
      jumped,
      repairedSamples: repaired,
    };
  }

  /** A copy of [startSample, endSample); silence wherever nothing is held. */
  read(startSample: number, endSample: number): Float32Array {
    const out = new Float32Array(Math.max(0, endSample - startSample));
    for (let at = Math.max(0, startSample); at < endSample;) {
      const index = Math.floor(at / blockSamples);
      const upTo = Math.min(endSample, (index + 1) * blockSamples);
      const block = this.#blocks.get(index);
      const from = index * blockSamples;
      if (block) out.set(block.subarray(at - from, upTo - from), at - startSample);
      at = upTo;
    }
    return out;
  }

  /** The stretches within [startSample, endSample) that carry sound: only they are worth a model's time. */
  soundWithin(startSample: number, endSample: number): SoundRegion[] {
    return this.#sounding
      .filter((region) => region.endSample > startSample && region.startSample < endSample)
      .map((region) => ({
        startSample: Math.max(startSample, region.startSample),
        endSample: Math.min(endSample, region.endSample),
      }));
  }

  /** Nothing before `sample` will be read again. */
  release(sample: number): void {
    this.#firstKept = Math.max(this.#firstKept, Math.min(sample, this.endSample));
    this.#forget();
  }

  /** The sender's session time of a track sample, ms. */
  ptsMsAt(sample: number): number {
    const span = this.#spans.findLast((one) => one.startSample <= sample) ?? this.#spans[0];
    return ((sample + (span?.offsetSamples ?? 0)) / trackRateHz) * 1000;
  }

  #place(ptsNs: number | undefined): { begin: number; jumped: boolean } {
    const stamped =
      ptsNs !== undefined && Number.isFinite(ptsNs) && ptsNs >= 0 && ptsNs <= longestPtsNs
        ? Math.round((ptsNs / 1e9) * trackRateHz)
        : undefined;
    const end = this.#endSample;
    if (end === undefined) {
      const begin = stamped ?? 0;
      this.#spans = [{ startSample: begin, offsetSamples: 0 }];
      this.#firstKept = begin;
      return { begin, jumped: false };
    }
    if (stamped === undefined) return { begin: end, jumped: false };
    const begin = stamped - (this.#spans.at(-1)?.offsetSamples ?? 0);
    if (Math.abs(begin - end) <= this.#jitter) return { begin: end, jumped: false };
    if (end - begin <= this.#longestOverlap && begin - end <= this.#longestHole)
      return { begin, jumped: false };
    this.#spans.push({ startSample: end, offsetSamples: stamped - end });
    return { begin: end, jumped: true };
  }

  #store(startSample: number, samples: Float32Array): number {
    let repaired = 0;
    for (let read = 0; read < samples.length;) {
      const at = startSample + read;
      const index = Math.floor(at / blockSamples);
      const offset = at - index * blockSamples;
      const take = Math.min(blockSamples - offset, samples.length - read);
      const block = this.#blocks.get(index) ?? new Float32Array(blockSamples);
      this.#blocks.set(index, block);
      repaired += copyRepaired(samples, read, block, offset, take);
      read += take;
    }
    if (samples.length > 0) this.#noteSound(startSample, startSample + samples.length);
    return repaired;
  }

  #noteSound(startSample: number, endSample: number): void {
    const last = this.#sounding.at(-1);
    if (last && startSample <= last.endSample) last.endSample = Math.max(last.endSample, endSample);
    else this.#sounding.push({ startSample, endSample });
  }

  #bound(): void {
    const oldest = this.endSample - this.#longestSamples;
    if (oldest > this.#firstKept) {
      const gone = this.soundWithin(this.#firstKept, oldest);
      this.#lost += gone.reduce((sum, region) => sum + region.endSample - region.startSample, 0);
      this.#firstKept = oldest;
    }
    this.#forget();
  }

  #forget(): void {
    const firstBlock = Math.floor(this.#firstKept / blockSamples);
    for (const index of this.#blocks.keys()) if (index < firstBlock) this.#blocks.delete(index);
    this.#sounding = this.#sounding.filter((region) => region.endSample > this.#firstKept);
    const current = this.#spans.findLastIndex((span) => span.startSample <= this.#firstKept);
    if (current > 0) this.#spans.splice(0, current);
  }
}

/** Copies and corrects: NaN is silence, anything beyond full scale is full scale. Returns how many it corrected. */
function copyRepaired(
  from: Float32Array,
  read: number,
  to: Float32Array,
  write: number,
  count: number,
): number {
  let repaired = 0;
  for (let i = 0; i < count; i++) {
    const value = from[read + i] ?? 0;
    const sound = value >= -1 && value <= 1;
    if (!sound) repaired++;
    to[write + i] = sound ? value : Number.isNaN(value) ? 0 : Math.sign(value);
  }
  return repaired;
}

/** Time of a sample on the track, ms. */
export const msOf = (sample: number): number => (sample * 1000) / trackRateHz;
/** The sample at a time on the track. */
export const sampleAt = (ms: number): number => samplesOf(ms);
const samplesOf = (ms: number): number => Math.round((ms / 1000) * trackRateHz);
const finite = (value: number | undefined): number =>
  value !== undefined && Number.isFinite(value) ? value : 0;
