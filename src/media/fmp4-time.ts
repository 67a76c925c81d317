/** A piece of fragmented MP4 that cannot be read. */
class Fmp4Error extends Error {
  override readonly name = "Fmp4Error";
}

/** @returns ticks a second of an initialisation segment's first track @throws {Fmp4Error} */
export function timescaleOf(init: Uint8Array): number {
  const at = boxIn(init, ["moov", "trak", "mdia", "mdhd"]);
  const wide = at.getUint8(0) === 1;
  const timescale = at.getUint32(wide ? 20 : 12);
  if (timescale === 0) throw new Fmp4Error("a track without a timescale");
  return timescale;
}

/** When a media segment's first track is decoded, in ticks. */
export interface SegmentTimes {
  readonly start: number;
  readonly end: number;
}

/** Flags of a `trun` box: which fields stand before the samples, and which in each (ISO/IEC 14496-12, 8.8.8). */
const trunFlags = {
  dataOffset: 0x1,
  firstSampleFlags: 0x4,
  duration: 0x100,
  size: 0x200,
  sampleFlags: 0x400,
  compositionOffset: 0x800,
} as const;

/** The times of a media segment. @throws {Fmp4Error} also when it does not say how long its samples are */
export function segmentTimesOf(segment: Uint8Array): SegmentTimes {
  const at = boxIn(segment, ["moof", "traf", "tfdt"]);
  const wide = at.getUint8(0) === 1;
  if (wide && at.byteLength < 12) throw new Fmp4Error("a short tfdt box");
  const start = wide ? Number(at.getBigUint64(4)) : at.getUint32(4);
  return { start, end: start + durationOf(boxIn(segment, ["moof", "traf", "trun"])) };
}

function durationOf(trun: DataView): number {
  const flags = trun.getUint32(0) & 0xffffff;
  const has = (flag: number) => (flags & flag) !== 0;
  if (!has(trunFlags.duration)) throw new Fmp4Error("a trun box without durations");
  const { dataOffset, firstSampleFlags, duration, size, sampleFlags, compositionOffset } =
    trunFlags;
  const before = 4 * [dataOffset, firstSampleFlags].filter(has).length;
  const each = 4 * [duration, size, sampleFlags, compositionOffset].filter(has).length;
  const samples = trun.getUint32(4);
  let sum = 0;
  for (let index = 0; index < samples; index++) {
    const at = 8 + before + index * each; // the duration stands first
    if (at + each > trun.byteLength) throw new Fmp4Error("a trun box that ends early");
    sum += trun.getUint32(at);
  }
  return sum;
}

/** The content of the first box at a path of box types. */
function boxIn(bytes: Uint8Array, path: readonly string[]): DataView {
  let view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const type of path) {
    const found = firstBox(view, type);
    if (found === undefined) throw new Fmp4Error(`no ${path.join("/")} box`);
    view = found;
  }
  if (view.byteLength < 24 && path.at(-1) === "mdhd") throw new Fmp4Error("a short mdhd box");
  if (view.byteLength < 8) throw new Fmp4Error(`a short ${path.join("/")} box`);
  return view;
}

function firstBox(view: DataView, type: string): DataView | undefined {
  for (let at = 0; at + 8 <= view.byteLength;) {
    const size = view.getUint32(at);
    const name = String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i)));
    if (size < 8 || at + size > view.byteLength) return undefined;
    if (name === type) return new DataView(view.buffer, view.byteOffset + at + 8, size - 8);
    at += size;
  }
  return undefined;
}
