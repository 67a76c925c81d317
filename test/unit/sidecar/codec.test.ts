import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { resample } from "../../../src/audio/resample.ts";
import { monoToPcm, pcmToMono, toLength } from "../../../gpu/codec/pcm-frames.ts";
import { monoToPcmInTurns, pcmToMonoAt, resampleInTurns } from "../../../gpu/codec/in-turns.ts";
import { wrapRawAac } from "../../../gpu/codec/raw-aac.ts";
import { sniffContainer } from "../../../gpu/codec/sniff.ts";
import { readWav, writeWav } from "../../../gpu/codec/wav.ts";

const ascii = (text: string) => Buffer.from(text, "latin1");

describe("sniffing", () => {
  test("the bytes decide, the label only where they say nothing", () => {
    expect(sniffContainer("aac", ascii("\0\0\0\x18ftypisom"))).toBe("mp4");
    expect(sniffContainer("m4a", Buffer.from([0xff, 0xf1, 0x4e, 0x80]))).toBe("adts");
    expect(sniffContainer("m4a", Buffer.from([0xff, 0xf9, 0x4e, 0x80]))).toBe("adts");
    expect(sniffContainer("m4a", Buffer.from([0x21, 0x10, 4, 0x60]))).toBe("raw-aac");
    expect(sniffContainer("m4a", ascii("RIFF\0\0\0\0WAVE"))).toBe("wav");
    expect(sniffContainer("wav", ascii("something else"))).toBeUndefined();
  });

  test("PCM that happens to begin like ADTS stays PCM", () => {
    expect(sniffContainer("pcm_s16le", Buffer.from([0xff, 0xf1, 0, 0]))).toBe("pcm_s16le");
  });

  test("no bytes at all are not mistaken for anything that would crash", () => {
    for (const label of ["m4a", "wav", "pcm_s16le", "opus"])
      expect(() => sniffContainer(label, new Uint8Array())).not.toThrow();
  });
});

describe("PCM", () => {
  test("16-bit samples survive mono and back exactly, in any number of channels", () => {
    const samples = fc.array(fc.integer({ min: -32_768, max: 32_767 }), { minLength: 1 });
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 2 }), (values, channels) => {
        const mono = Float32Array.from(values, (value) => value / 32_768);
        const bytes = monoToPcm(mono, "s16le", channels);
        expect(bytes.length).toBe(values.length * channels * 2);
        expect(pcmToMono(bytes, "s16le", channels)).toEqual(mono);
      }),
    );
  });

  test("stereo is heard as the mean of its channels", () => {
    const stereo = new Uint8Array(Float32Array.from([0.5, -0.5, 1, 0]).buffer);
    expect([...pcmToMono(stereo, "f32le", 2)]).toEqual([0, 0.5]);
  });

  test("floats that are no sound are tamed", () => {
    const wild = new Uint8Array(
      Float32Array.from([Number.NaN, 7, Number.NEGATIVE_INFINITY]).buffer,
    );
    expect([...pcmToMono(wild, "f32le", 1)]).toEqual([0, 1, -1]);
  });

  test("unaligned views and trailing bytes are read right", () => {
    const bytes = new Uint8Array([9, 0, 64, 0, 192, 7]).subarray(1);
    expect([...pcmToMono(bytes, "s16le", 1)]).toEqual([0.5, -0.5]);
  });

  test("toLength cuts or fills to the sample", () => {
    expect([...toLength(Float32Array.of(1, 2, 3), 2)]).toEqual([1, 2]);
    expect([...toLength(Float32Array.of(1), 3)]).toEqual([1, 0, 0]);
  });
});

describe("WAV", () => {
  test("what is written is read back, whatever rate and channels", () => {
    const mono = Float32Array.from(
      { length: 1000 },
      (_, i) => Math.round(i * 30 - 15_000) / 32_768,
    );
    const pcm = (channels: number) => monoToPcm(mono, "s16le", channels);
    for (const rate of [8000, 44_100, 96_000])
      for (const channels of [1, 2])
        expect(readWav(writeWav(pcm(channels), rate, channels))).toEqual({
          bytes: Buffer.from(pcm(channels)),
          format: "s16le",
          channels,
          rateHz: rate,
        });
  });

  test("a header that promises more than there is gives what there is", () => {
    const file = Buffer.from(writeWav(Uint8Array.of(1, 2, 3, 4), 8000, 1));
    file.writeUInt32LE(0xffffffff, 40); // as writers to a pipe leave it
    expect([...(readWav(file)?.bytes ?? [])]).toEqual([1, 2, 3, 4]);
  });

  test("anything that begins like WAV is read or refused, never thrown on", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => {
        expect(() => readWav(Buffer.concat([ascii("RIFF\0\0\0\0WAVE"), junk]))).not.toThrow();
      }),
    );
  });
});

describe("conversions in turns", () => {
  const noise = Float32Array.from({ length: 100_003 }, (_, i) => Math.sin(i * i) / 2);

  test("give the very samples that the conversions in one go give", async () => {
    const pcm = monoToPcm(noise, "s16le", 2);
    const whole = resample(pcmToMono(pcm, "s16le", 2), 48_000, 16_000);
    const source = { bytes: pcm, format: "s16le", channels: 2, rateHz: 48_000 } as const;
    expect(await pcmToMonoAt(source, 16_000)).toEqual(whole);
    expect(await resampleInTurns(noise, 24_000, 44_100)).toEqual(resample(noise, 24_000, 44_100));
    expect(await monoToPcmInTurns(noise, "s16le", 2)).toEqual(pcm);
    expect(await resampleInTurns(noise, 24_000, 24_000)).toEqual(noise);
  });

  test("let the event loop turn at least every quarter of a second of audio", async () => {
    let turns = 0;
    let over = false;
    const turn = () => {
      turns++;
      if (!over) setImmediate(turn);
    };
    setImmediate(turn);
    await resampleInTurns(new Float32Array(48_000 * 10), 48_000, 16_000);
    over = true;
    expect(turns).toBeGreaterThanOrEqual(40);
  });
});

describe("raw AAC", () => {
  test("is wrapped with its announced rate and channels; a rate that AAC has not is refused", () => {
    const flv = Buffer.from(wrapRawAac(Uint8Array.of(1, 2, 3), 48_000, 2) ?? []);
    expect(flv.subarray(0, 3).toString()).toBe("FLV");
    expect([...flv.subarray(24, 28)]).toEqual([0xaf, 0, 0x11, 0x90]); // AudioSpecificConfig 0x1190: LC, 48 kHz, stereo
    expect(wrapRawAac(Uint8Array.of(1), 50_000, 2)).toBeUndefined();
  });
});
