import { BitReader, writeBits } from "./bits.ts";
import { splitNalUnits } from "./nal-units.ts";

/**
 * H.265 pictures at a splice. Encoders begin all groups of pictures but the first with a CRA picture where pictures may
 * refer across (open GOPs, x265's default). Decoders refuse such a picture when it comes once more with the same picture
 * order count. The standard has BLA pictures for that, but MediaMTX 1.20 closes a path that gets one.
 */

/** NAL unit types (ITU-T H.265, table 7-1). RASL pictures refer to what was before the CRA picture that they follow. */
const nalType = { raslFirst: 8, raslLast: 9, lastOfSlices: 31, cra: 21, sps: 33, pps: 34 } as const;
/** Bytes of a decoder configuration record before its arrays (ISO/IEC 14496-15, 8.3.3.1). */
const recordHeadBytes = 22;
const nalHeadBits = 16;
/** `general_` part of profile_tier_level with the level; the same of a sub-layer is 88 and 8 bits. */
const generalProfileBits = 96;

interface SequenceSet {
  readonly hasColourPlanes: boolean;
  readonly orderCountBits: number;
  readonly addressBits: number;
}

interface PictureSet {
  readonly sequenceId: number;
  readonly mayDepend: boolean;
  readonly hasOutputFlag: boolean;
  readonly extraBits: number;
}

/** What of a stream's parameter sets is needed to find the picture order count of a slice. */
export interface HevcConfiguration {
  readonly lengthBytes: number;
  readonly sequences: ReadonlyMap<number, SequenceSet>;
  readonly pictures: ReadonlyMap<number, PictureSet>;
}

/**
 * Reads a HEVCDecoderConfigurationRecord.
 *
 * @throws {RangeError} when it is cut short
 */
export function readHevcConfiguration(record: Uint8Array): HevcConfiguration {
  const sequences = new Map<number, SequenceSet>();
  const pictures = new Map<number, PictureSet>();
  let at = recordHeadBytes;
  const next = (): number => {
    const byte = record[at++];
    if (byte === undefined) throw new RangeError("the HEVC decoder configuration is cut short");
    return byte;
  };
  for (let arrays = next(); arrays > 0; arrays--) {
    next();
    for (let count = next() * 256 + next(); count > 0; count--) {
      const length = next() * 256 + next();
      const nal = withoutEscapes(record.subarray(at, (at += length)));
      if (typeOf(nal) === nalType.sps) sequences.set(...readSequenceSet(nal));
      if (typeOf(nal) === nalType.pps) pictures.set(...readPictureSet(nal));
    }
  }
  return { lengthBytes: ((record[recordHeadBytes - 1] ?? 3) & 3) + 1, sequences, pictures };
}

/**
 * A picture as it can be shown once more: a CRA picture gets another order count, others stay.
 *
 * @param accessUnit length-prefixed
 * @param step how much higher than its own the count is; lower when below zero
 * @throws {RangeError} when a slice cannot be read
 */
export function repeatedPicture(
  accessUnit: Uint8Array,
  configuration: HevcConfiguration,
  step: number,
): Uint8Array {
  const { lengthBytes } = configuration;
  const parts = splitNalUnits(accessUnit, lengthBytes).flatMap((nal) => {
    const unit = typeOf(nal) === nalType.cra ? countedOn(nal, configuration, step) : nal;
    const prefix = new Uint8Array(lengthBytes);
    writeBits(prefix, 0, lengthBytes * 8, unit.length);
    return [prefix, unit];
  });
  return Buffer.concat(parts);
}

/** True for a picture that cannot be decoded without what was before the keyframe that it follows. */
export function refersAcrossKeyframe(accessUnit: Uint8Array, lengthBytes: number): boolean {
  const slice = splitNalUnits(accessUnit, lengthBytes).find(
    (nal) => typeOf(nal) <= nalType.lastOfSlices,
  );
  const type = slice === undefined ? 0 : typeOf(slice);
  return type === nalType.raslFirst || type === nalType.raslLast;
}

function countedOn(nal: Uint8Array, configuration: HevcConfiguration, step: number): Uint8Array {
  const bytes = withoutEscapes(nal);
  stepOrderCount(bytes, configuration, step);
  return withEscapes(bytes);
}

/** Slice segment header, 7.3.6.1, as far as the order count; a dependent segment has none. */
function stepOrderCount(slice: Uint8Array, configuration: HevcConfiguration, step: number): void {
  const bits = new BitReader(slice, nalHeadBits);
  const isFirst = bits.bit() === 1;
  bits.skip(1); // no_output_of_prior_pics_flag
  const picture = configuration.pictures.get(bits.exponential());
  const sequence = configuration.sequences.get(picture?.sequenceId ?? -1);
  if (!picture || !sequence)
    throw new RangeError("a slice names parameter sets that are not there");
  if (!isFirst) {
    const depends = picture.mayDepend && bits.bit() === 1;
    bits.skip(sequence.addressBits);
    if (depends) return;
  }
  bits.skip(picture.extraBits);
  bits.exponential(); // slice_type
  if (picture.hasOutputFlag) bits.skip(1);
  if (sequence.hasColourPlanes) bits.skip(2);
  const { at } = bits;
  const most = 2 ** sequence.orderCountBits;
  const count = bits.unsigned(sequence.orderCountBits) + (step % most);
  writeBits(slice, at, sequence.orderCountBits, (count + most) % most);
}

/** 7.3.2.2.1, as far as the size of coding tree blocks. */
function readSequenceSet(nal: Uint8Array): [number, SequenceSet] {
  const bits = new BitReader(nal, nalHeadBits);
  bits.skip(4);
  const subLayers = bits.unsigned(3);
  bits.skip(1 + generalProfileBits);
  skipSubLayers(bits, subLayers);
  const id = bits.exponential();
  const hasColourPlanes = bits.exponential() === 3 && bits.bit() === 1;
  const [width, height] = [bits.exponential(), bits.exponential()];
  if (bits.bit() === 1) for (let n = 0; n < 4; n++) bits.exponential(); // conformance window
  bits.exponential(); // bit depths
  bits.exponential();
  const orderCountBits = bits.exponential() + 4;
  const described = bits.bit() === 1 ? subLayers + 1 : 1;
  for (let n = 0; n < 3 * described; n++) bits.exponential();
  const blockBits = bits.exponential() + 3 + bits.exponential();
  const blocks = Math.ceil(width / 2 ** blockBits) * Math.ceil(height / 2 ** blockBits);
  const addressBits = Math.ceil(Math.log2(blocks));
  return [id, { hasColourPlanes, orderCountBits, addressBits }];
}

/** Profiles and levels of sub-layers, 7.3.3. */
function skipSubLayers(bits: BitReader, subLayers: number): void {
  let present = 0;
  for (let n = 0; n < subLayers; n++) present += 88 * bits.bit() + 8 * bits.bit();
  if (subLayers > 0) bits.skip(2 * (8 - subLayers));
  bits.skip(present);
}

/** 7.3.2.3.1, as far as the extra bits of slices. */
function readPictureSet(nal: Uint8Array): [number, PictureSet] {
  const bits = new BitReader(nal, nalHeadBits);
  const [id, sequenceId] = [bits.exponential(), bits.exponential()];
  const [mayDepend, hasOutputFlag] = [bits.bit() === 1, bits.bit() === 1];
  return [id, { sequenceId, mayDepend, hasOutputFlag, extraBits: bits.unsigned(3) }];
}

const typeOf = (nal: Uint8Array): number => ((nal[0] ?? 0) >> 1) & 0x3f;

/** Without the bytes that keep start codes out, 7.3.1.1; a copy. */
function withoutEscapes(nal: Uint8Array): Uint8Array {
  const out = new Uint8Array(nal.length);
  let length = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    out[length++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out.subarray(0, length);
}

function withEscapes(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(out);
}
