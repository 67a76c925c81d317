import { endianness } from "node:os";

/** Bytes of one s16le sample of one channel. */
const bytesPerSample = 2;
/** Bytes of one interleaved stereo s16le sample pair: one sample of stream time. */
export const bytesPerStereoSample = 4;

const fullScale = 32768;

if (endianness() !== "LE") throw new Error("livedub needs a little-endian processor");

/**
 * A view of s16le bytes as samples, without a copy where the bytes are aligned.
 * A trailing odd byte is left out.
 */
export function asInt16(pcm: Uint8Array): Int16Array {
  const length = Math.floor(pcm.byteLength / bytesPerSample);
  if (pcm.byteOffset % bytesPerSample === 0) {
    return new Int16Array(pcm.buffer, pcm.byteOffset, length);
  }
  // Not `slice`: of a Buffer, as sockets deliver, that is a view of the same odd place.
  const copy = new Uint8Array(pcm.subarray(0, length * bytesPerSample));
  return new Int16Array(copy.buffer, 0, length);
}

/** The bytes of samples, as a view of the same memory. */
export function asBytes(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

/** s16le → float in [-1, 1); any number of channels, interleaving is kept. */
export function pcm16ToFloat(pcm: Uint8Array): Float32Array {
  const input = asInt16(pcm);
  const output = new Float32Array(input.length);
  for (let i = 0; i < input.length; i++) output[i] = (input[i] as number) / fullScale;
  return output;
}

/** Float → s16le, rounded to nearest; what lies outside [-1, 1) saturates, NaN becomes silence. */
export function floatToPcm16(samples: Float32Array): Uint8Array {
  const output = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) output[i] = toInt16(samples[i] as number);
  return asBytes(output);
}

/** One float sample as a saturated 16-bit integer. */
export function toInt16(sample: number): number {
  const scaled = Math.round(sample * fullScale);
  if (scaled > 32767) return 32767;
  if (scaled < -32768) return -32768;
  return scaled === scaled ? scaled : 0;
}

/** Interleaved stereo → mono, the mean of both channels. */
export function stereoToMono(stereo: Float32Array): Float32Array {
  const mono = new Float32Array(stereo.length >> 1);
  for (let i = 0; i < mono.length; i++) {
    mono[i] = ((stereo[2 * i] as number) + (stereo[2 * i + 1] as number)) / 2;
  }
  return mono;
}

/** Mono → interleaved stereo, the same in both channels. */
export function monoToStereo(mono: Float32Array): Float32Array {
  const stereo = new Float32Array(mono.length * 2);
  for (let i = 0; i < mono.length; i++) {
    stereo[2 * i] = mono[i] as number;
    stereo[2 * i + 1] = mono[i] as number;
  }
  return stereo;
}

/** Interleaved stereo s16le → mono float in [-1, 1). */
export function stereoPcm16ToMono(pcm: Uint8Array): Float32Array {
  const input = asInt16(pcm);
  const mono = new Float32Array(input.length >> 1);
  for (let i = 0; i < mono.length; i++) {
    mono[i] = ((input[2 * i] as number) + (input[2 * i + 1] as number)) / (2 * fullScale);
  }
  return mono;
}
