import { frameBytes, type SampleFormat } from "./pcm-frames.ts";

/** PCM as it stands in a WAV file. */
export interface WavPcm {
  readonly bytes: Uint8Array;
  readonly format: SampleFormat;
  readonly channels: number;
  readonly rateHz: number;
}

const formatPcm = 1;
const formatFloat = 3;
const formatExtensible = 0xfffe;

/**
 * Reads a RIFF/WAVE file of 16-bit or float PCM (RFC 2361; the length of `data` may be unknown, as
 * streaming writers leave it).
 * @returns `undefined` when it is damaged, or of another encoding, which a full decoder may know
 */
export function readWav(bytes: Uint8Array): WavPcm | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: { tag: number; channels: number; rate: number; bits: number } | undefined;
  for (let at = 12; at + 8 <= bytes.length;) {
    const name = String.fromCharCode(...bytes.subarray(at, at + 4));
    const size = view.getUint32(at + 4, true);
    const body = at + 8;
    if (name === "fmt " && size >= 16 && body + 16 <= bytes.length) {
      const tag = view.getUint16(body, true);
      const subformat =
        size >= 26 && body + 26 <= bytes.length ? view.getUint16(body + 24, true) : 0;
      format = {
        tag: tag === formatExtensible ? subformat : tag,
        channels: view.getUint16(body + 2, true),
        rate: view.getUint32(body + 4, true),
        bits: view.getUint16(body + 14, true),
      };
    }
    if (name === "data") return format && readData(format, bytes.subarray(body, body + size));
    at = body + size + (size % 2);
  }
  return undefined;
}

function readData(
  format: { tag: number; channels: number; rate: number; bits: number },
  data: Uint8Array,
): WavPcm | undefined {
  if (format.channels < 1 || format.channels > 8) return undefined;
  if (format.rate < 8000 || format.rate > 96_000) return undefined;
  const sample =
    format.tag === formatPcm && format.bits === 16
      ? "s16le"
      : format.tag === formatFloat && format.bits === 32
        ? "f32le"
        : undefined;
  if (sample === undefined) return undefined;
  return { bytes: data, format: sample, channels: format.channels, rateHz: format.rate };
}

/** Writes interleaved 16-bit PCM as a WAV file. */
export function writeWav(pcm: Uint8Array, sampleRateHz: number, channels: number): Uint8Array {
  const frame = frameBytes("s16le", channels);
  const file = Buffer.alloc(44 + pcm.length);
  file.write("RIFF", 0, "latin1");
  file.writeUInt32LE(36 + pcm.length, 4);
  file.write("WAVEfmt ", 8, "latin1");
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(formatPcm, 20);
  file.writeUInt16LE(channels, 22);
  file.writeUInt32LE(sampleRateHz, 24);
  file.writeUInt32LE(sampleRateHz * frame, 28);
  file.writeUInt16LE(frame, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36, "latin1");
  file.writeUInt32LE(pcm.length, 40);
  file.set(pcm, 44);
  return file;
}
