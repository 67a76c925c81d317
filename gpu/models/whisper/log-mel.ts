import { PowerSpectrum } from "./power-spectrum.ts";

export const whisperSampleRateHz = 16_000;
/** One mel frame every 10 ms. */
export const hopSamples = 160;
const windowSamples = 400;
const highestHz = 8000;
const smallestPower = 1e-10;
/** The floor lies this many decades below the loudest bin. */
const dynamicRange = 8;

/** One triangular filter: weights from `firstBin` on. */
interface MelFilter {
  readonly firstBin: number;
  readonly weights: Float64Array;
}

/**
 * Whisper's features: log-mel spectrogram of 16 kHz sound (25 ms periodic Hann window, 10 ms hop,
 * reflected edges, Slaney mel scale with area normalisation), as openai/whisper's `audio.py` defines it.
 */
export class LogMel {
  readonly #spectrum = new PowerSpectrum(windowSamples);
  readonly #filters: readonly MelFilter[];
  readonly #hann = Float64Array.from(
    { length: windowSamples },
    (_, i) => 0.5 * (1 - Math.cos((2 * Math.PI * i) / windowSamples)),
  );

  /** @param bands 80, or 128 for the large-v3 family */
  constructor(readonly bands: number) {
    this.#filters = melFilters(bands, windowSamples, whisperSampleRateHz);
  }

  /**
   * @param samples mono, 16 kHz, -1..1; padded with silence, or cut, to `frames` · 160
   * @returns `[bands, frames]` row by row
   */
  compute(samples: Float32Array, frames: number): Float32Array {
    const padded = reflected(samples, frames * hopSamples, windowSamples / 2);
    const soundEnd = windowSamples / 2 + samples.length;
    const features = new Float32Array(this.bands * frames).fill(Math.log10(smallestPower));
    const frame = new Float64Array(windowSamples);
    const power = new Float64Array(this.#spectrum.bins);
    let loudest = Math.log10(smallestPower);
    for (let t = 0; t < frames; t++) {
      const start = t * hopSamples;
      const pastSound = start >= soundEnd;
      if (pastSound && t < frames - 2) continue; // silence; the last frames may see the mirrored end
      for (let i = 0; i < windowSamples; i++) frame[i] = padded[start + i]! * this.#hann[i]!;
      this.#spectrum.compute(frame, power);
      for (const [band, filter] of this.#filters.entries()) {
        let energy = 0;
        for (let i = 0; i < filter.weights.length; i++)
          energy += power[filter.firstBin + i]! * filter.weights[i]!;
        const level = Math.log10(Math.max(energy, smallestPower));
        features[band * frames + t] = level;
        if (level > loudest) loudest = level;
      }
    }
    const floor = loudest - dynamicRange;
    for (let i = 0; i < features.length; i++) features[i] = (Math.max(features[i]!, floor) + 4) / 4;
    return features;
  }
}

/** `samples` brought to `length` with silence, and `pad` mirrored samples on both sides. */
function reflected(samples: Float32Array, length: number, pad: number): Float64Array {
  const padded = new Float64Array(length + 2 * pad);
  for (let i = 0; i < Math.min(samples.length, length); i++) {
    const sample = samples[i]!;
    padded[pad + i] = Number.isFinite(sample) ? sample : 0; // one that is no number would spoil all
  }
  for (let i = 0; i < pad; i++) {
    padded[pad - 1 - i] = padded[pad + 1 + i]!;
    padded[pad + length + i] = padded[pad + length - 2 - i]!;
  }
  return padded;
}

/** Slaney's mel scale: linear below 1 kHz, logarithmic above. */
const melBreakHz = 1000;
const hzPerMel = 200 / 3;
const melBreak = 15; // melBreakHz in mels
const logStep = Math.log(6.4) / 27;

export function hzToMel(hz: number): number {
  return hz < melBreakHz ? hz / hzPerMel : melBreak + Math.log(hz / melBreakHz) / logStep;
}

export function melToHz(mel: number): number {
  return mel < melBreak ? mel * hzPerMel : melBreakHz * Math.exp(logStep * (mel - melBreak));
}

function melFilters(bands: number, windowLength: number, sampleRateHz: number): MelFilter[] {
  const highestMel = hzToMel(highestHz);
  const edgesHz = Array.from({ length: bands + 2 }, (_, i) =>
    melToHz((highestMel * i) / (bands + 1)),
  );
  const binHz = sampleRateHz / windowLength;
  return Array.from({ length: bands }, (_, band) => {
    const [low, centre, high] = [edgesHz[band]!, edgesHz[band + 1]!, edgesHz[band + 2]!];
    const area = 2 / (high - low);
    const weights: number[] = [];
    const firstBin = Math.max(0, Math.ceil(low / binHz));
    for (let bin = firstBin; bin * binHz < high; bin++) {
      const hz = bin * binHz;
      const rise = (hz - low) / (centre - low);
      const fall = (high - hz) / (high - centre);
      weights.push(Math.max(0, Math.min(rise, fall)) * area);
    }
    return { firstBin, weights: Float64Array.from(weights) };
  });
}
