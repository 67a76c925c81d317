import { StreamResampler } from "../../src/audio/resample.ts";
import { frameBytes, monoToPcm, pcmToMono, type SampleFormat } from "./pcm-frames.ts";

/**
 * Conversions of whole fragments in short stretches, with a turn of the event loop between them: a
 * minute of audio takes a second to convert, and acknowledgements of other streams must not wait for it.
 */

/** Frames converted at a stretch: about 5 ms of work. */
const stretchFrames = 12_000;

async function inTurns(length: number, act: (from: number, to: number) => void): Promise<void> {
  for (let from = 0; from < length; from += stretchFrames) {
    act(from, Math.min(length, from + stretchFrames));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Interleaved PCM → mono at another rate, as `resample(pcmToMono(…))` gives it. */
export async function pcmToMonoAt(
  pcm: { bytes: Uint8Array; format: SampleFormat; channels: number; rateHz: number },
  toHz: number,
): Promise<Float32Array> {
  const frame = frameBytes(pcm.format, pcm.channels);
  const frames = Math.floor(pcm.bytes.length / frame);
  const mono = new Float32Array(frames);
  await inTurns(frames, (from, to) => {
    const part = pcm.bytes.subarray(from * frame, to * frame);
    mono.set(pcmToMono(part, pcm.format, pcm.channels), from);
  });
  return resampleInTurns(mono, pcm.rateHz, toHz);
}

/** Mono at another rate, as `resample` gives it. */
export async function resampleInTurns(
  mono: Float32Array,
  fromHz: number,
  toHz: number,
): Promise<Float32Array> {
  if (fromHz === toHz) return mono;
  const resampler = new StreamResampler(fromHz, toHz);
  const parts: Float32Array[] = [];
  await inTurns(mono.length, (from, to) => {
    parts.push(resampler.push(mono.subarray(from, to)));
  });
  parts.push(resampler.flush());
  const output = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    output.set(part, at);
    at += part.length;
  }
  return output;
}

/** Mono → interleaved PCM, as `monoToPcm` gives it. */
export async function monoToPcmInTurns(
  mono: Float32Array,
  format: SampleFormat,
  channels: number,
): Promise<Uint8Array> {
  const frame = frameBytes(format, channels);
  const bytes = new Uint8Array(mono.length * frame);
  await inTurns(mono.length, (from, to) => {
    bytes.set(monoToPcm(mono.subarray(from, to), format, channels), from * frame);
  });
  return bytes;
}
