import { z } from "zod";
import { optional, withDefault, wholeNumber } from "./sts-scalars.ts";

/** Formats that a fragment may come in; what the bytes really are is sniffed, never trusted. */
export const audioFormats = ["pcm_s16le", "pcm_f32le", "wav", "m4a", "m4a_aac", "aac"] as const;
export type AudioFormat = (typeof audioFormats)[number];

/** A format's name, known or not. */
export const audioFormatSchema = z.string().min(1).max(32);

/** Largest decoded audio of one fragment. */
export const maxAudioBytes = 10 * 1024 * 1024;
/** The same as base64: what the released servers compute, `10·1024²·4/3 + 4`. */
export const maxBase64Length = Math.floor((maxAudioBytes * 4) / 3) + 4;
/** The released worker's WebSocket client drops the connection at this message size, in bytes. */
export const peerMessageLimitBytes = 4_194_304;

/** Bytes as they arrive through Socket.IO: a Node buffer, or what a browser-like client delivers. */
const binary = z.union([
  z.instanceof(Uint8Array),
  z.instanceof(ArrayBuffer).transform((buffer) => new Uint8Array(buffer)),
]);

/**
 * `audio` and `dubbed_audio`: base64 in `data_base64`, or bytes in `data` where both sides
 * announced `binary_audio`. With `speech: false` there are no bytes and `duration_ms` counts.
 */
export const stsAudioSchema = z.object({
  format: withDefault(audioFormatSchema, "m4a"),
  sample_rate_hz: wholeNumber(8000, 96_000),
  channels: wholeNumber(1, 2),
  duration_ms: wholeNumber(0, 60_000),
  data_base64: optional(z.string()),
  data: optional(binary),
  speech: optional(z.boolean()),
  /** Of a fragment: from its receipt until its first sample airs; negative when that is over. */
  deadline_ms: optional(wholeNumber(-3_600_000, 3_600_000)),
});
export type StsAudio = z.output<typeof stsAudioSchema>;

/** True for a format that the server can read and write. */
export function isAudioFormat(format: string): format is AudioFormat {
  return (audioFormats as readonly string[]).includes(format);
}

/** Base64 text of an audio payload has the right alphabet, padding and length; nothing else is in it. */
const strictBase64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Decodes base64 strictly (RFC 4648 section 4): no whitespace, no URL alphabet, full padding.
 * @returns the bytes, or `undefined` when the text is not base64
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !strictBase64.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64");
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return bytes.length === (text.length / 4) * 3 - padding ? bytes : undefined;
}

/** Base64 of bytes, without copying them first. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
