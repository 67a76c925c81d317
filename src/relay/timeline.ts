import { describeVideoTag, withoutCompositionOffset } from "../media/flv-video.ts";
import type { FlvTag } from "../media/flv.ts";
import type { PlayoutClock } from "./playout-clock.ts";
import type { VideoPacket } from "./video-queue.ts";

const samplesPerMs = 48;
/** A new span is placed by the earliest arrival within this long: a pull begins with a burst of late data. */
const placementMs = 300;
/** The first picture of a new span comes at least this long after the last one before it. */
const leastPictureStepMs = 40;
/** Data that claims to be this far ahead of its time has other stamps than the span it came in. */
const maxAheadSamples = 10 * 48_000;
/** A picture this far ahead of its time is refused: everything after it would be late against it. */
const maxPictureAheadMs = 30_000;
/** No codec shows a picture this much after (or before) it is decoded: such an offset is damage. */
const maxCompositionOffsetMs = 5000;
/** Data that waits for a span to be placed; a picture without its sound must not grow memory. */
const maxPending = 4096;

export interface TimelineSink {
  video(packet: VideoPacket): void;
  sound(startSample: number, samples: Int16Array): void;
  /** A span has been placed: sound and picture go on from here after a hole. */
  spanPlaced(startSample: number): void;
}

/**
 * Maps what pulls deliver, each with its own zero, onto one stream time. The run's first span begins at
 * 0; every later one (a publisher that came back, a source whose stamps broke) is placed where it
 * arrives by the clock, never before what is already there.
 */
export class Timeline {
  #spans = 0;
  /** Stream time of the current span's zero, a whole millisecond; undefined while it is being placed. */
  #base: number | undefined;
  #pending: { readonly replay: () => void; readonly base: number | undefined }[] = [];
  #placeAfterMs: number | undefined;
  #header: Pick<VideoPacket, "info" | "data"> | undefined;
  /** Where the span's sound and picture begin, counted in the span. */
  #firstSample: number | undefined;
  #firstPictureMs: number | undefined;
  #lastPictureMs = Number.NEGATIVE_INFINITY;
  #endSample = 0;
  #refusedPictures = 0;

  constructor(
    private readonly clock: PlayoutClock,
    private readonly sink: TimelineSink,
  ) {}

  /** Spans opened so far. */
  get spans(): number {
    return this.#spans;
  }

  /** Pictures left out because their stamps lay impossibly far ahead. */
  get refusedPictures(): number {
    return this.#refusedPictures;
  }

  /** A new source of data begins, with a zero of its own; or the present one is to be placed anew. */
  openSpan(): void {
    this.#spans += 1;
    this.#pending = [];
    this.#placeAfterMs = undefined;
    this.#header = undefined;
    this.#firstSample = undefined;
    this.#firstPictureMs = undefined;
    this.#base = this.#endSample === 0 ? 0 : undefined;
  }

  /**
   * A decoder configuration waits for the picture that it belongs to and takes its time (the muxer gives
   * it none); what is neither is left out. One picture with a broken stamp costs that picture alone.
   *
   * @param tag its stamp counts in the span
   */
  video(tag: FlvTag, nowMs: number): void {
    const { info, data } = readPicture(tag.data);
    if (info.kind === "sequence-header") this.#header = { info, data: tag.data };
    if (info.kind !== "picture") return;
    const header = this.#header;
    this.#header = undefined;
    this.#firstPictureMs ??= tag.timestampMs;
    this.#deliver(nowMs, undefined, () => {
      const dtsMs = tag.timestampMs + (this.#base as number) / samplesPerMs;
      const dueMs = this.clock.isSet ? this.clock.sampleAt(nowMs) / samplesPerMs : dtsMs;
      if (dtsMs > dueMs + maxPictureAheadMs) {
        this.#refusedPictures += 1;
        return;
      }
      this.#lastPictureMs = Math.max(this.#lastPictureMs, dtsMs + info.compositionOffsetMs);
      if (header !== undefined) this.sink.video({ dtsMs, ...header });
      this.sink.video({ dtsMs, info, data });
    });
  }

  /**
   * @param startSample its position in the span
   * @param samples interleaved stereo
   * @returns false when the data lies impossibly far ahead: the span's stamps broke and a new pull is needed
   */
  sound(startSample: number, samples: Int16Array, nowMs: number): boolean {
    const spanEnd = startSample + samples.length / 2;
    this.#firstSample ??= startSample;
    const placedHere = this.clock.isSet ? this.clock.sampleAt(nowMs) - spanEnd : undefined;
    if (this.#base !== undefined && placedHere !== undefined && this.#spans > 0) {
      if (this.#base > placedHere + maxAheadSamples) return false;
    }
    // Before it is passed on, because its receiver asks the clock when it will air.
    if (this.#base !== undefined) this.clock.observe(this.#base + spanEnd, nowMs);
    this.#deliver(nowMs, placedHere, () => {
      const at = startSample + (this.#base as number);
      this.#endSample = Math.max(this.#endSample, at + samples.length / 2);
      this.sink.sound(at, samples);
    });
    return true;
  }

  #deliver(nowMs: number, base: number | undefined, replay: () => void): void {
    if (this.#base !== undefined) {
      replay();
      return;
    }
    this.#pending.push({ replay, base });
    if (this.#pending.length > maxPending) this.#pending.shift();
    this.#placeAfterMs ??= base === undefined ? undefined : nowMs + placementMs;
    if (this.#placeAfterMs !== undefined && nowMs >= this.#placeAfterMs) this.#place();
  }

  #place(): void {
    const arrivals = this.#pending.flatMap(({ base }) => (base === undefined ? [] : [base]));
    const afterPicture =
      (this.#lastPictureMs + leastPictureStepMs - (this.#firstPictureMs ?? 0)) * samplesPerMs;
    const afterSound = this.#endSample - (this.#firstSample ?? 0);
    const earliest = Math.max(Math.min(...arrivals), afterSound, afterPicture);
    this.#base = Math.ceil(earliest / samplesPerMs) * samplesPerMs;
    this.clock.forgetArrivals();
    this.sink.spanPlaced(this.#base);
    const pending = this.#pending;
    this.#pending = [];
    for (const { replay } of pending) replay();
  }
}

/** What a tag is; a composition offset that cannot be is taken out of it. */
function readPicture(data: Uint8Array): Pick<VideoPacket, "info" | "data"> {
  const info = describeVideoTag(data);
  if (Math.abs(info.compositionOffsetMs) <= maxCompositionOffsetMs) return { info, data };
  return { info: { ...info, compositionOffsetMs: 0 }, data: withoutCompositionOffset(data) };
}
