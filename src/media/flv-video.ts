/**
 * What an FLV video tag says of itself, in its two forms: the classic one (FLV 10.1, E.4.3) and the
 * enhanced one with a FourCC (Enhanced RTMP v1 and v2). Only heads are read; pictures stay untouched.
 */

/** `avc1` H.264, `hvc1` H.265, `av01` AV1, `vp09` VP9, else the FourCC or `flv-<codec id>` found. */
export type VideoCodec = string;

export interface VideoTagInfo {
  readonly codec: VideoCodec;
  /** `sequence-header` decoder configuration; `picture` coded data; `other` end marks, metadata, commands. */
  readonly kind: "sequence-header" | "picture" | "other";
  /** An IDR (or the like): decoding can begin here. */
  readonly isKeyframe: boolean;
  /** Presentation minus decode time in milliseconds (B-frames). */
  readonly compositionOffsetMs: number;
}

const keyFrameType = 1;
const commandFrameType = 5;
const avcCodecId = 7;
const enhancedBit = 0x80;

const avcPacketType = { sequenceHeader: 0, nalUnits: 1 } as const;
const enhancedPacketType = { sequenceStart: 0, codedFrames: 1, codedFramesX: 3 } as const;

/** Codecs whose enhanced `CodedFrames` carry a composition offset. */
const codecsWithOffset = new Set(["avc1", "hvc1", "vvc1"]);

/** Reads the head of a video tag; a tag too short to have one is `other`. */
export function describeVideoTag(data: Uint8Array): VideoTagInfo {
  const first = data[0];
  if (first === undefined) return other("flv-empty");
  return (first & enhancedBit) === 0 ? describeClassic(first, data) : describeEnhanced(first, data);
}

function describeClassic(first: number, data: Uint8Array): VideoTagInfo {
  const frameType = first >> 4;
  const codecId = first & 0x0f;
  if (codecId !== avcCodecId) {
    const codec = `flv-${codecId}`;
    if (frameType === commandFrameType) return other(codec);
    return picture(codec, frameType === keyFrameType, 0);
  }
  if (data.length < 5 || frameType === commandFrameType) return other("avc1");
  if (data[1] === avcPacketType.sequenceHeader) {
    return { codec: "avc1", kind: "sequence-header", isKeyframe: false, compositionOffsetMs: 0 };
  }
  if (data[1] !== avcPacketType.nalUnits) return other("avc1");
  return picture("avc1", frameType === keyFrameType, signed24(data, 2));
}

function describeEnhanced(first: number, data: Uint8Array): VideoTagInfo {
  const frameType = (first >> 4) & 0x07;
  const packetType = first & 0x0f;
  if (data.length < 5) return other("flv-enhanced");
  const codec = String.fromCharCode(...data.subarray(1, 5));
  if (packetType === enhancedPacketType.sequenceStart) {
    return { codec, kind: "sequence-header", isKeyframe: false, compositionOffsetMs: 0 };
  }
  if (frameType === commandFrameType) return other(codec);
  const isKeyframe = frameType === keyFrameType;
  if (packetType === enhancedPacketType.codedFramesX) return picture(codec, isKeyframe, 0);
  if (packetType !== enhancedPacketType.codedFrames) return other(codec);
  const hasOffset = codecsWithOffset.has(codec) && data.length >= 8;
  return picture(codec, isKeyframe, hasOffset ? signed24(data, 5) : 0);
}

/**
 * The same picture with its composition offset set to zero: a repeated IDR is shown when it is decoded.
 * Tags without an offset come back as they are.
 */
export function withoutCompositionOffset(data: Uint8Array): Uint8Array {
  const info = describeVideoTag(data);
  if (info.kind !== "picture" || info.compositionOffsetMs === 0) return data;
  const copy = new Uint8Array(data); // a Buffer.slice would be a view, and change the packet itself
  const at = ((data[0] as number) & enhancedBit) === 0 ? 2 : 5;
  copy.fill(0, at, at + 3);
  return copy;
}

function picture(codec: string, isKeyframe: boolean, compositionOffsetMs: number): VideoTagInfo {
  return { codec, kind: "picture", isKeyframe, compositionOffsetMs };
}

function other(codec: string): VideoTagInfo {
  return { codec, kind: "other", isKeyframe: false, compositionOffsetMs: 0 };
}

function signed24(data: Uint8Array, at: number): number {
  const value =
    ((data[at] as number) << 16) | ((data[at + 1] as number) << 8) | (data[at + 2] as number);
  return (value << 8) >> 8;
}
