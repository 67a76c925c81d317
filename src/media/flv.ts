/**
 * FLV as a pipe format (Adobe FLV specification 10.1, annex E): millisecond stamps like RTMP's own.
 * Tags are kept whole; nothing inside them is touched.
 */

export const flvTagType = { audio: 8, video: 9, script: 18 } as const;

/** One FLV tag without its header: `timestampMs` is the decode timestamp. */
export interface FlvTag {
  readonly type: number;
  readonly timestampMs: number;
  readonly data: Uint8Array;
}

const fileHeaderBytes = 9;
const previousSizeBytes = 4;
const tagHeaderBytes = 11;
const videoFlag = 1;
const audioFlag = 4;

/** The longest tag accepted: an 8 K intra frame has room, a stream of rubbish does not grow memory. */
const maxTagBytes = 16 * 1024 * 1024 - 1;

/** Bytes that are no FLV: nothing after them can be read. */
export class FlvError extends Error {
  override readonly name = "FlvError";
}

/** The file header and the first (empty) back pointer. */
export function flvHeader(contains: { video: boolean; audio: boolean }): Uint8Array {
  const flags = (contains.video ? videoFlag : 0) | (contains.audio ? audioFlag : 0);
  return new Uint8Array([0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, fileHeaderBytes, 0, 0, 0, 0]);
}

/**
 * One tag with its header and back pointer.
 * @param timestampMs decode timestamp, an integer; wraps at 32 bits (49 days) as the format does
 * @throws {FlvError} when the data is longer than the format's 24-bit size
 */
export function flvTagBytes(type: number, timestampMs: number, data: Uint8Array): Uint8Array {
  if (data.length > maxTagBytes) throw new FlvError(`a tag of ${data.length} bytes`);
  const bytes = new Uint8Array(tagHeaderBytes + data.length + previousSizeBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = type;
  view.setUint16(1, data.length >>> 8);
  bytes[3] = data.length & 0xff;
  const stamp = timestampMs >>> 0;
  view.setUint16(4, (stamp >>> 8) & 0xffff);
  bytes[6] = stamp & 0xff;
  bytes[7] = stamp >>> 24;
  bytes.set(data, tagHeaderBytes);
  view.setUint32(tagHeaderBytes + data.length, tagHeaderBytes + data.length);
  return bytes;
}

/**
 * Reads tags out of a byte stream that arrives in pieces of any size. Holds at most one unfinished tag.
 * Timestamps are unwrapped: they go on past 32 bits.
 */
export class FlvParser {
  #chunks: Uint8Array[] = [];
  #available = 0;
  #headerSeen = false;
  #lastStamp = 0;
  #wraps = 0;

  /**
   * Takes the next bytes and returns the tags that are whole by now.
   * @throws {FlvError} when the bytes are no FLV
   */
  push(chunk: Uint8Array): FlvTag[] {
    if (chunk.length > 0) {
      this.#chunks.push(chunk);
      this.#available += chunk.length;
    }
    const tags: FlvTag[] = [];
    if (!this.#headerSeen && !this.#readFileHeader()) return tags;
    for (let tag = this.#readTag(); tag !== undefined; tag = this.#readTag()) tags.push(tag);
    return tags;
  }

  #readFileHeader(): boolean {
    if (this.#available < fileHeaderBytes + previousSizeBytes) return false;
    const header = this.#peek(fileHeaderBytes);
    const view = new DataView(header.buffer, header.byteOffset);
    if (header[0] !== 0x46 || header[1] !== 0x4c || header[2] !== 0x56 || header[3] !== 1) {
      throw new FlvError("the stream does not begin with an FLV header");
    }
    if (view.getUint32(5) !== fileHeaderBytes) throw new FlvError("an FLV header of odd size");
    this.#take(fileHeaderBytes + previousSizeBytes);
    this.#headerSeen = true;
    return true;
  }

  #readTag(): FlvTag | undefined {
    if (this.#available < tagHeaderBytes) return undefined;
    const header = this.#peek(tagHeaderBytes);
    const type = (header[0] as number) & 0x1f;
    if (type !== flvTagType.audio && type !== flvTagType.video && type !== flvTagType.script) {
      throw new FlvError(`a tag of type ${type}: the stream is damaged`);
    }
    const view = new DataView(header.buffer, header.byteOffset);
    const size = (view.getUint16(1) << 8) | view.getUint8(3);
    const stamp = view.getUint8(7) * 0x1000000 + view.getUint8(4) * 0x10000 + view.getUint16(5);
    if (view.getUint8(8) !== 0 || view.getUint16(9) !== 0) {
      throw new FlvError("a tag of another stream: the stream is damaged");
    }
    if (this.#available < tagHeaderBytes + size + previousSizeBytes) return undefined;
    const whole = this.#take(tagHeaderBytes + size + previousSizeBytes);
    const data = whole.subarray(tagHeaderBytes, tagHeaderBytes + size);
    return { type, timestampMs: this.#unwrapped(stamp), data };
  }

  #unwrapped(stamp: number): number {
    const half = 0x80000000;
    if (stamp < this.#lastStamp - half) this.#wraps += 1;
    else if (stamp > this.#lastStamp + half && this.#wraps > 0) this.#wraps -= 1;
    this.#lastStamp = stamp;
    return stamp + this.#wraps * 0x100000000;
  }

  /** The next bytes, still in the queue. */
  #peek(count: number): Uint8Array {
    const first = this.#chunks[0];
    if (first === undefined || first.length < count) this.#gather(count);
    return (this.#chunks[0] as Uint8Array).subarray(0, count);
  }

  /** The next bytes, taken out of the queue: a copy of their own. */
  #take(count: number): Uint8Array {
    this.#peek(count);
    const first = this.#chunks[0] as Uint8Array;
    if (first.length === count) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(count);
    this.#available -= count;
    return new Uint8Array(first.subarray(0, count)); // a Buffer.slice would be a view of the whole chunk
  }

  /** Joins chunks until the first one holds `count` bytes. */
  #gather(count: number): void {
    let length = 0;
    let used = 0;
    while (length < count) length += (this.#chunks[used++] as Uint8Array).length;
    const joined = new Uint8Array(length);
    let at = 0;
    for (const chunk of this.#chunks.splice(0, used)) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks.unshift(joined);
  }
}
