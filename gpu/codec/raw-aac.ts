/** Sampling frequencies by index (ISO/IEC 14496-3, table 1.18). */
const frequenciesHz = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
];
const lowComplexity = 2;
const audioTag = 8;
/** Sound format 10 (AAC), with the flags that AAC always has. */
const aacFlags = 0xaf;

/**
 * Puts raw AAC frames, which say nothing about themselves, into an FLV file with the announced rate
 * and channels, so that a decoder can read them. The frames go in as one packet: they carry no
 * lengths, and the decoder finds the end of each by decoding it.
 * @returns `undefined` when AAC has no such sampling rate
 */
export function wrapRawAac(
  frames: Uint8Array,
  sampleRateHz: number,
  channels: number,
): Uint8Array | undefined {
  const index = frequenciesHz.indexOf(sampleRateHz);
  if (index < 0) return undefined;
  const config = (lowComplexity << 11) | (index << 7) | (channels << 3); // AudioSpecificConfig
  const header = Buffer.from([0x46, 0x4c, 0x56, 1, 4, 0, 0, 0, 9, 0, 0, 0, 0]);
  return Buffer.concat([
    header,
    tag(Buffer.from([aacFlags, 0, config >> 8, config & 0xff])),
    tag(Buffer.concat([Buffer.from([aacFlags, 1]), frames])),
  ]);
}

function tag(data: Uint8Array): Buffer {
  const header = Buffer.alloc(11);
  header[0] = audioTag;
  header.writeUIntBE(data.length, 1, 3);
  const trailer = Buffer.alloc(4);
  trailer.writeUInt32BE(header.length + data.length);
  return Buffer.concat([header, data, trailer]);
}
