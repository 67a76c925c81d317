import { floatToPcm16, monoToStereo } from "../../../src/audio/pcm.ts";
import type { PcmMessage } from "../../../src/protocol/relay-worker.ts";
import { vadFrameSamples, type Vad } from "../../../src/vad/silero.ts";

const rateHz = 48_000;

/** Mono sound at 48 kHz: a 200 Hz buzz where it "speaks", faint noise where it does not. */
export function buzz(parts: readonly { seconds: number; speaks: boolean }[]): Float32Array {
  const pieces = parts.map(({ seconds, speaks }) =>
    Float32Array.from({ length: Math.round(seconds * rateHz) }, (_, i) =>
      speaks ? 0.3 * Math.sin((2 * Math.PI * 200 * i) / rateHz) : 0.0005 * Math.sin(i * 1.7),
    ),
  );
  const whole = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** A detector that goes by loudness: right for {@link buzz}, and the same at every run. */
export function loudnessDetector(): Vad {
  return {
    process(samples) {
      if (samples.length !== vadFrameSamples) throw new RangeError("not a frame");
      const energy = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      return Promise.resolve(energy > 0.001 ? 0.95 : 0.02);
    },
    reset() {},
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The sound as a relay sends it: stereo blocks of 20 ms, each with the time until it airs. */
export function asPcmMessages(mono: Float32Array, airsInMs: number, startSample = 0): PcmMessage[] {
  const messages: PcmMessage[] = [];
  for (let at = 0; at < mono.length; at += 960) {
    const stereo = monoToStereo(mono.subarray(at, at + 960));
    messages.push({
      type: "pcm",
      startSample: startSample + at,
      airsInMs: airsInMs + (at * 1000) / rateHz,
      pcm: floatToPcm16(stereo),
    });
  }
  return messages;
}
