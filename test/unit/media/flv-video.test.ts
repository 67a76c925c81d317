import { describe, expect, test } from "bun:test";
import { describeVideoTag, withoutCompositionOffset } from "../../../src/media/flv-video.ts";
import { holdsIdr, nalLengthBytes, splitNalUnits } from "../../../src/media/nal-units.ts";

const ascii = (text: string) => Array.from(Buffer.from(text, "latin1"));

describe("a video tag's head", () => {
  test("classic H.264: configuration, keyframe, B-frame with a negative offset", () => {
    expect(describeVideoTag(new Uint8Array([0x17, 0, 0, 0, 0, 1]))).toEqual({
      codec: "avc1",
      kind: "sequence-header",
      isKeyframe: false,
      compositionOffsetMs: 0,
    });
    expect(describeVideoTag(new Uint8Array([0x17, 1, 0, 0, 80, 0]))).toMatchObject({
      kind: "picture",
      isKeyframe: true,
      compositionOffsetMs: 80,
    });
    expect(describeVideoTag(new Uint8Array([0x27, 1, 0xff, 0xff, 0xd8, 0]))).toMatchObject({
      isKeyframe: false,
      compositionOffsetMs: -40,
    });
  });

  test("enhanced H.265 with and without an offset", () => {
    expect(describeVideoTag(new Uint8Array([0x90, ...ascii("hvc1"), 1]))).toMatchObject({
      codec: "hvc1",
      kind: "sequence-header",
    });
    expect(describeVideoTag(new Uint8Array([0x91, ...ascii("hvc1"), 0, 0, 33, 9]))).toMatchObject({
      kind: "picture",
      isKeyframe: true,
      compositionOffsetMs: 33,
    });
    expect(describeVideoTag(new Uint8Array([0xa3, ...ascii("hvc1"), 9]))).toMatchObject({
      kind: "picture",
      isKeyframe: false,
      compositionOffsetMs: 0,
    });
  });

  test("end of sequence, empty tags and other codecs are told apart", () => {
    expect(describeVideoTag(new Uint8Array([0x17, 2, 0, 0, 0])).kind).toBe("other");
    expect(describeVideoTag(new Uint8Array([])).kind).toBe("other");
    expect(describeVideoTag(new Uint8Array([0x12, 0])).codec).toBe("flv-2");
  });

  test("a repeated IDR is shown when it is decoded", () => {
    const idr = new Uint8Array([0x17, 1, 0, 0, 80, 7, 7]);
    expect([...withoutCompositionOffset(idr)]).toEqual([0x17, 1, 0, 0, 0, 7, 7]);
    expect(idr[4]).toBe(80);
  });
});

describe("NAL units", () => {
  test("are split by their length prefixes, and an IDR is found among them", () => {
    const unit = new Uint8Array([0, 0, 0, 2, 0x06, 1, 0, 0, 0, 1, 0x65]);
    expect(splitNalUnits(unit).map((nal) => [...nal])).toEqual([[0x06, 1], [0x65]]);
    expect(holdsIdr(unit)).toBe(true);
    expect(holdsIdr(unit.subarray(0, 6))).toBe(false);
    expect(nalLengthBytes(new Uint8Array([1, 100, 0, 31, 0xff]))).toBe(4);
  });

  test("a prefix that points past the end is refused", () => {
    expect(() => splitNalUnits(new Uint8Array([0, 0, 0, 9, 1]))).toThrow(RangeError);
  });
});
