import { readWav } from "../../codec/wav.ts";

const rateHz = 24_000;
/** Shorter than any word. */
const shortestSamples = rateHz / 50;

/**
 * The sound of a voice service's answer: 16-bit WAV, or PCM without a header where the content type says
 * nothing else.
 *
 * @param contentType as the service names it; may tell the rate (`audio/L16;rate=24000`)
 * @returns mono, 24 kHz, -1..1; or in words why it is none
 */
export function speechIn(bytes: Uint8Array, contentType: string | null): Float32Array | string {
  const kind = (contentType ?? "").toLowerCase();
  if (bytes.length === 0) return "an empty answer";
  const isWav = Buffer.from(bytes.subarray(0, 4)).toString("latin1") === "RIFF";
  const wav = isWav ? readWav(bytes) : undefined;
  if (isWav && (wav === undefined || wav.format !== "s16le" || wav.channels !== 1))
    return "a WAV file that is not 16-bit mono PCM";
  if (wav === undefined && !/^(audio\/|application\/octet-stream)/.test(kind))
    return `an answer of type ${kind.slice(0, 60) || "unknown"} instead of sound`;
  if (/^audio\/(mpeg|mp3|ogg|opus|aac|flac|webm|mp4)/.test(kind) && wav === undefined)
    return `an answer of type ${kind.slice(0, 60)}, where 16-bit PCM or WAV was asked for`;
  const said = wav?.rateHz ?? Number(/rate=(\d+)/.exec(kind)?.[1] ?? rateHz);
  if (said !== rateHz) return `sound of ${said} Hz, where ${rateHz} Hz was asked for`;
  const samples = samplesOf(wav?.bytes ?? bytes);
  return samples.length < shortestSamples ? "an answer without sound" : samples;
}

function samplesOf(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const samples = new Float32Array(bytes.byteLength >> 1);
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(2 * i, true) / 32_768;
  return samples;
}
