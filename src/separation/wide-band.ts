import { resample } from "../audio/resample.ts";
import type { SpeechNet } from "./speech-net.ts";

const fullHz = 48_000;
/** The share of speech is judged in steps of 10 ms. */
const stepSamples = 480;
/** The share moves towards a new value by this much a step: consonants come and go within 20–30 ms. */
const shareEase = 0.5;

/**
 * The speech in a mono sound at 48 kHz by a net of any rate. What a 16 kHz net cannot hear, above about
 * 7 kHz, is shared out by how much of the band just below it (4 kHz up) was found to be speech.
 *
 * @param warmUps how often the net hears the sound before its answer counts
 */
export async function estimateFullBand(
  net: SpeechNet,
  sound: Float32Array,
  warmUps = 0,
): Promise<Float32Array> {
  if (net.rateHz === fullHz) return estimateWarm(net, sound, warmUps);
  const narrow = resample(sound, fullHz, net.rateHz);
  const speechNarrow = await estimateWarm(net, narrow, warmUps);
  const low = resample(narrow, net.rateHz, fullHz);
  const speech = resample(speechNarrow, net.rateHz, fullHz).subarray(0, sound.length);
  const share = speechShare(narrow, speechNarrow, net.rateHz);
  const output = new Float32Array(sound.length);
  for (let n = 0; n < output.length; n++) {
    const step = n / stepSamples;
    const at = Math.floor(step);
    const a = share[at] ?? 0;
    const b = share[at + 1] ?? a;
    output[n] = (speech[n] ?? 0) + (a + (b - a) * (step - at)) * (sound[n]! - (low[n] ?? 0));
  }
  return output;
}

async function estimateWarm(
  net: SpeechNet,
  sound: Float32Array,
  warmUps: number,
): Promise<Float32Array> {
  if (warmUps === 0) return net.estimate(sound);
  const again = new Float32Array(sound.length * (warmUps + 1));
  for (let n = 0; n <= warmUps; n++) again.set(sound, n * sound.length);
  return (await net.estimate(again)).subarray(sound.length * warmUps);
}

/** For each step, the share of speech in the upper half of a net's band, 0..1 in amplitude. */
function speechShare(sound: Float32Array, speech: Float32Array, rateHz: number): Float32Array {
  const length = (stepSamples * rateHz) / fullHz;
  const steps = Math.ceil(sound.length / length) + 1;
  const shares = new Float32Array(steps);
  let share = 0;
  for (let step = 0; step < steps; step++) {
    const from = Math.round((step - 0.5) * length);
    const all = upperEnergy(sound, from, length);
    const found = upperEnergy(speech, from, length);
    const now = all > 0 ? Math.min(1, found / all) : 0;
    share += (now - share) * shareEase;
    shares[step] = share;
  }
  return shares;
}

/** Energy above about half the band: a second difference, +12 dB an octave. */
function upperEnergy(samples: Float32Array, from: number, length: number): number {
  let energy = 0;
  for (let n = Math.max(1, from); n < Math.min(samples.length - 1, from + length); n++) {
    const high = samples[n]! - (samples[n - 1]! + samples[n + 1]!) / 2;
    energy += high * high;
  }
  return energy;
}
