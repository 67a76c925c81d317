import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FlvError, flvHeader, FlvParser, flvTagBytes, flvTagType } from "../../../src/media/flv.ts";

const tag = fc.record({
  type: fc.constantFrom(flvTagType.audio, flvTagType.video, flvTagType.script),
  timestampMs: fc.nat({ max: 0x7fffffff }),
  data: fc.uint8Array({ maxLength: 400 }),
});

describe("FLV", () => {
  test("a stream cut into any pieces gives the same tags", () => {
    fc.assert(
      fc.property(fc.array(tag, { maxLength: 12 }), fc.array(fc.nat()), (tags, cuts) => {
        const stream = Buffer.concat([
          flvHeader({ video: true, audio: false }),
          ...tags.map((one) => flvTagBytes(one.type, one.timestampMs, one.data)),
        ]);
        const edges = [
          0,
          ...cuts.map((cut) => cut % stream.length).toSorted((a, b) => a - b),
          stream.length,
        ];
        const parser = new FlvParser();
        const read = edges
          .slice(1)
          .flatMap((edge, i) => parser.push(new Uint8Array(stream.subarray(edges[i], edge))));
        expect(read.map((one) => ({ ...one, data: [...one.data] }))).toEqual(
          tags.map((one) => ({ ...one, data: [...one.data] })),
        );
      }),
    );
  });

  test("rubbish is refused with a clear error, whatever it is, and never loops", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 13, maxLength: 200 }), (bytes) => {
        fc.pre(bytes[0] !== 0x46);
        expect(() => new FlvParser().push(bytes)).toThrow(FlvError);
      }),
    );
    const damaged = Buffer.concat([
      flvHeader({ video: true, audio: true }),
      new Uint8Array(30).fill(0x55),
    ]);
    expect(() => new FlvParser().push(damaged)).toThrow("the stream is damaged");
  });

  test("stamps go on past the format's 32 bits", () => {
    const parser = new FlvParser();
    parser.push(flvHeader({ video: true, audio: false }));
    const stamps = [0xfffffff0, 0xfffffffe, 4, 40];
    const read = stamps.flatMap((stamp) => parser.push(flvTagBytes(9, stamp, new Uint8Array([1]))));
    expect(read.map((one) => one.timestampMs)).toEqual([
      0xfffffff0, 0xfffffffe, 0x100000004, 0x100000028,
    ]);
  });

  test("a tag keeps its bytes and no others, when what carried it is a Buffer used again", () => {
    const parser = new FlvParser();
    const stream = Buffer.concat([
      flvHeader({ video: true, audio: false }),
      flvTagBytes(flvTagType.video, 0, new Uint8Array([1, 2, 3])),
      new Uint8Array(60_000),
    ]);
    const [read] = parser.push(stream.subarray(0, 13 + 18));
    stream.fill(0xff);
    expect([...read!.data]).toEqual([1, 2, 3]);
    expect(read!.data.buffer.byteLength).toBeLessThan(100);
  });
});
