import { floatToPcm16, pcm16ToFloat } from "../../src/audio/pcm.ts";

/** Sample formats that need no decoder. */
export type SampleFormat = "s16le" | "f32le";

const bytesPer: Record<SampleFormat, number> = { s16le: 2, f32le: 4 };

/** Bytes of one sample frame (all channels at one instant). */
export function frameBytes(format: SampleFormat, channels: number): number {
  return bytesPer[format] * channels;
}

/**
 * Interleaved PCM → mono float in [-1, 1], the mean of the channels. Bytes that do not fill a sample
 * frame are left out; NaN is silence, and what lies outside saturates.
 */
export function pcmToMono(bytes: Uint8Array, format: SampleFormat, channels: number): Float32Array {
  const samples = format === "s16le" ? pcm16ToFloat(bytes) : readFloats(bytes);
  if (channels === 1) return samples;
  const mono = new Float32Array(Math.floor(samples.length / channels));
  for (let frame = 0; frame < mono.length; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++)
      sum += samples[frame * channels + channel] as number;
    mono[frame] = sum / channels;
  }
  return mono;
}

/** Mono float → interleaved PCM, the same in every channel. */
export function monoToPcm(mono: Float32Array, format: SampleFormat, channels: number): Uint8Array {
  const interleaved = channels === 1 ? mono : spread(mono, channels);
  if (format === "s16le") return floatToPcm16(interleaved);
  return new Uint8Array(interleaved.buffer, interleaved.byteOffset, interleaved.byteLength);
}

/** Exactly `length` samples: the rest is cut, or filled with silence. */
export function toLength(mono: Float32Array, length: number): Float32Array {
  if (mono.length >= length) return mono.subarray(0, length);
  const padded = new Float32Array(length);
  padded.set(mono);
  return padded;
}

function spread(mono: Float32Array, channels: number): Float32Array {
  const output = new Float32Array(mono.length * channels);
  for (let frame = 0; frame < mono.length; frame++)
    output.fill(mono[frame] as number, frame * channels, (frame + 1) * channels);
  return output;
}

function readFloats(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const output = new Float32Array(bytes.byteLength >> 2);
  for (let i = 0; i < output.length; i++) {
    const sample = view.getFloat32(4 * i, true);
    output[i] = Number.isNaN(sample) ? 0 : Math.min(1, Math.max(-1, sample));
  }
  return output;
}
