import { describeVideoTag, withoutCompositionOffset } from "./flv-video.ts";
import {
  type HevcConfiguration,
  readHevcConfiguration,
  refersAcrossKeyframe,
  repeatedPicture,
} from "./hevc-splice.ts";
import { avcTagHeadBytes } from "./nal-units.ts";

/** Head of an enhanced tag with a composition offset: FourCC and offset after the first byte. */
const hevcTagHeadBytes = 8;
const codedFrames = 1;

/** Bytes of a picture's tag, or of a decoder configuration's, before what it carries; `avc1` or `hvc1`. */
export function tagHeadBytes(data: Uint8Array): number {
  const { codec, kind } = describeVideoTag(data);
  const hasOffset =
    codec === "hvc1" && kind === "picture" && ((data[0] ?? 0) & 0x0f) === codedFrames;
  return hasOffset ? hevcTagHeadBytes : avcTagHeadBytes;
}

/** A keyframe that is shown again and again, as decoders take it. */
export class StillPictures {
  readonly #data: Uint8Array;
  readonly #configuration: HevcConfiguration | undefined;
  #step: number;

  /**
   * @param keyframe the data of its video tag
   * @param header the data of the tag with its decoder configuration
   * @param firstStep how far from the keyframe in the order of pictures it is shown first: beyond all pictures that
   *   have followed it; below zero: before it, at most as often
   */
  constructor(keyframe: Uint8Array, header: Uint8Array | undefined, firstStep: number) {
    this.#data = withoutCompositionOffset(keyframe);
    this.#configuration = hevcConfigurationOf(header);
    this.#step = firstStep;
  }

  /** The tag's data for the next time that it is shown. */
  next(): Uint8Array {
    const [data, configuration] = [this.#data, this.#configuration];
    if (configuration === undefined) return data;
    const head = tagHeadBytes(data);
    const step = this.#step++;
    const picture = orNothing(() => repeatedPicture(data.subarray(head), configuration, step));
    return picture === undefined ? data : Buffer.concat([data.subarray(0, head), picture]);
  }
}

/**
 * True for a picture that no decoder can show where its keyframe is the first that it has of the stream.
 *
 * @param data of the video tag
 * @param header the data of the tag with its decoder configuration
 */
export function isLostBehindKeyframe(data: Uint8Array, header: Uint8Array | undefined): boolean {
  const configuration = hevcConfigurationOf(header);
  if (configuration === undefined) return false;
  const unit = data.subarray(tagHeadBytes(data));
  return orNothing(() => refersAcrossKeyframe(unit, configuration.lengthBytes)) === true;
}

function hevcConfigurationOf(header: Uint8Array | undefined): HevcConfiguration | undefined {
  if (header === undefined || describeVideoTag(header).codec !== "hvc1") return undefined;
  return orNothing(() => readHevcConfiguration(header.subarray(tagHeadBytes(header))));
}

/** What an encoder writes against the standard stays as it is: the stream goes on. */
function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
