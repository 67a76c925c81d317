import { asInt16, bytesPerStereoSample } from "../audio/pcm.ts";

/**
 * PCM that keeps its stamps on a pipe: FFmpeg's SMJPEG with a sound track alone, the simplest of its
 * containers that takes 48 kHz PCM. It counts milliseconds, so stamps are stretched by 48: one is one sample.
 * FFmpeg changes stamps that go back on their way into any container; so each packet's carries, on top,
 * 5.5 s for each packet before it, and rises even where the input's jump back. The packets are counted behind
 * the encoder, which lives on when the input's sample rate or layout changes (the filters do not).
 */
const stampStretch = 48;
const risePerPacket = 262_144;
/** Room for stamps before zero, in samples: a container shifts a whole track for a negative one. */
const stampOffset = 1_000_000;

const toStereo = "aformat=sample_fmts=s16:sample_rates=48000:channel_layouts=stereo";

/**
 * FFmpeg's output options for the first sound track in this form, on a pipe. It writes whenever 32 KiB have
 * come together, which are 170 ms, and at the end: each AAC frame by itself would wake the reader 47 times a
 * second.
 */
export function stampedPcmOptions(pipe: number): string[] {
  return [
    ...["-map", "0:a:0", "-af", toStereo, "-c:a", "pcm_s16le"],
    ...["-bsf:a", `setts=ts=${stampStretch}*(PTS+${risePerPacket}*N)`],
    ...["-output_ts_offset", `${stampOffset / 1000}`, "-flush_packets", "0"],
    ...["-f", "smjpeg", `pipe:${pipe}`],
  ];
}

/** A run of samples as it was decoded. */
export interface StampedSound {
  /** Where the input's stamps put its first sample, at 48 kHz; runs may overlap, jump and go back. */
  readonly stampSample: number;
  /** Interleaved stereo; to be read before more is parsed. */
  readonly samples: Int16Array;
}

/** Bytes that are no stamped PCM: nothing after them can be read. */
export class StampedPcmError extends Error {
  override readonly name = "StampedPcmError";
}

const fileHeaderBytes = 16;
const markBytes = 4;
const chunkHeadBytes = 8;
const soundHeadBytes = 12;
/** A packet of FFmpeg's is a frame of the codec, some milliseconds to a second of sound. */
const maxChunkBytes = 16 * 1024 * 1024;

/** Four characters as they stand in the stream. */
const kind = {
  fileStart: 0x00_0a_53_4d,
  fileStartRest: 0x4a_50_45_47,
  text: 0x5f_54_58_54,
  soundFormat: 0x5f_53_4e_44,
  headerEnd: 0x48_45_4e_44,
  sound: 0x73_6e_64_44,
  done: 0x44_4f_4e_45,
};

/**
 * Reads runs out of a byte stream that arrives in pieces of any size. Of a chunk that is not whole yet, what is
 * there is a run already, and the rest of it another one: nothing waits for the next piece.
 */
export class StampedPcmParser {
  #rest: Uint8Array = new Uint8Array(0);
  #headerSeen = false;
  /** Bytes of the present sound chunk that are still to come, and the stamp of the first of them. */
  #soundBytesLeft = 0;
  #stampSample = 0;
  /** The stamp as carried, without its wraps at 32 bits. */
  #carried: number | undefined;
  #packets = 0;

  /** @param expectedSample about where the sound begins, within 12 h: stamps wrap */
  constructor(private readonly expectedSample = 0) {}

  /**
   * Takes the next bytes and returns the runs in them.
   * @throws {StampedPcmError} when the bytes are something else
   */
  push(chunk: Uint8Array): StampedSound[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const runs: StampedSound[] = [];
    let at = this.#headerSeen ? 0 : this.#readFileHeader(view);
    while (this.#headerSeen) {
      const length =
        this.#soundBytesLeft > 0 ? this.#readSound(view, at, runs) : this.#readHead(view, at);
      if (length === 0) break;
      at += length;
    }
    this.#rest = new Uint8Array(bytes.subarray(at));
    return runs;
  }

  #readFileHeader(view: DataView): number {
    if (view.byteLength < fileHeaderBytes) return 0;
    if (view.getUint32(0) !== kind.fileStart || view.getUint32(4) !== kind.fileStartRest)
      throw new StampedPcmError("the sound does not begin with an SMJPEG header");
    this.#headerSeen = true;
    return fileHeaderBytes;
  }

  /** @returns bytes read: the head of a sound chunk, a whole chunk of another kind, or 0 when more is needed */
  #readHead(view: DataView, at: number): number {
    const there = view.byteLength - at;
    if (there < markBytes) return 0;
    const what = view.getUint32(at);
    if (what === kind.headerEnd || what === kind.done) return markBytes;
    const isSound = what === kind.sound;
    if (!isSound && what !== kind.text && what !== kind.soundFormat)
      throw new StampedPcmError(
        `a chunk of kind 0x${what.toString(16).padStart(8, "0")}: the sound is damaged`,
      );
    const headBytes = isSound ? soundHeadBytes : chunkHeadBytes;
    if (there < headBytes) return 0;
    const size = view.getUint32(at + headBytes - 4);
    if (size > maxChunkBytes)
      throw new StampedPcmError(`a chunk of ${size} bytes: the sound is damaged`);
    if (!isSound) return there < headBytes + size ? 0 : headBytes + size;
    if (size % bytesPerStereoSample !== 0)
      throw new StampedPcmError(`a chunk of ${size} bytes holds no whole samples`);
    this.#soundBytesLeft = size;
    this.#stampSample = this.#nextStamp(view.getUint32(at + 4));
    return headBytes;
  }

  #nextStamp(stamp: number): number {
    const before = this.#carried ?? this.expectedSample + stampOffset;
    this.#carried = before + ((stamp - before) | 0);
    const stampSample = this.#carried - stampOffset - risePerPacket * this.#packets;
    this.#packets += 1;
    return stampSample;
  }

  #readSound(view: DataView, at: number, runs: StampedSound[]): number {
    const bytes = Math.min(this.#soundBytesLeft, view.byteLength - at) & -bytesPerStereoSample;
    if (bytes === 0) return 0;
    const samples = asInt16(new Uint8Array(view.buffer, view.byteOffset + at, bytes));
    runs.push({ stampSample: this.#stampSample, samples });
    this.#stampSample += bytes / bytesPerStereoSample;
    this.#soundBytesLeft -= bytes;
    return bytes;
  }
}
