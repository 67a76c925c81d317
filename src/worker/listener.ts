import { floatToPcm16, stereoPcm16ToMono, bytesPerStereoSample } from "../audio/pcm.ts";
import { StreamResampler } from "../audio/resample.ts";
import { type PcmMessage, streamSampleRateHz } from "../protocol/relay-worker.ts";
import { SpeechGate } from "../vad/speech-gate.ts";
import { type Vad, vadFrameSamples, vadSampleRateHz } from "../vad/silero.ts";
import type { HeardFrame } from "./fragmenter.ts";
import { SampleWindow } from "./sample-window.ts";

/** Stream samples per sample of the detector. */
const rateRatio = streamSampleRateHz / vadSampleRateHz;
/** Below this probability a frame holds no voice; the gate's own offset. */
const quietProbability = 0.35;

/**
 * The ear of a worker: turns the relay's stereo PCM into mono at two rates, and tells of each 32 ms
 * whether speech is heard. Without a detector everything counts as speech.
 */
export class Listener {
  #resampler = new StreamResampler(streamSampleRateHz, vadSampleRateHz);
  #gate = newGate();
  #full: SampleWindow;
  #narrow: SampleWindow;
  #next: number;
  #heard: number;
  #begun = false;
  #origin = 0;
  #speechSamples = 0;

  /** @param vad owned by the caller, for this sound alone */
  constructor(
    private readonly vad: Vad | undefined,
    startSample: number,
  ) {
    this.#next = startSample;
    this.#heard = startSample;
    this.#full = new SampleWindow(0);
    this.#narrow = new SampleWindow(0);
    this.restart(startSample);
  }

  /** The sample that must come next; another one is a hole. */
  get nextSample(): number {
    return this.#next;
  }

  /** First sample that no frame has covered yet. */
  get heardUntil(): number {
    return this.#heard;
  }

  /** Samples of speech that the gate has let through so far. */
  get speechSamples(): number {
    return this.#speechSamples;
  }

  /** Begins anew at another place: nothing heard before belongs to what comes. */
  restart(startSample: number): void {
    this.#resampler = new StreamResampler(streamSampleRateHz, vadSampleRateHz);
    this.#gate = newGate();
    this.vad?.reset();
    this.#next = startSample;
    this.#heard = startSample;
    this.#begun = false;
    this.#full = new SampleWindow(startSample);
    this.#narrow = new SampleWindow(0);
    this.#origin = startSample;
  }

  /**
   * @param message must start at {@link nextSample}
   * @returns a frame for each 32 ms that is complete by now
   */
  async hear(message: PcmMessage): Promise<HeardFrame[]> {
    const mono = stereoPcm16ToMono(message.pcm);
    this.#next += message.pcm.length / bytesPerStereoSample;
    this.#full.append(mono);
    this.#narrow.append(this.#resampler.push(mono));
    return this.#frames();
  }

  /** The mono sound of [startSample, endSample) as s16le at one of the two rates. */
  pcm(startSample: number, endSample: number, rateHz: 16_000 | 48_000): Uint8Array {
    if (rateHz === streamSampleRateHz)
      return floatToPcm16(this.#full.slice(startSample, endSample));
    return floatToPcm16(this.#narrow.slice(this.#narrowAt(startSample), this.#narrowAt(endSample)));
  }

  /** What lies before is not asked for any more. */
  forget(beforeSample: number): void {
    this.#full.dropBefore(beforeSample);
    this.#narrow.dropBefore(this.#narrowAt(Math.min(beforeSample, this.#heard)));
  }

  /** Ends the sound: the last samples leave the resampler, so that {@link pcm} reaches to the end. */
  finish(): void {
    this.#narrow.append(this.#resampler.flush());
  }

  #narrowAt(sample: number): number {
    return Math.floor((sample - this.#origin) / rateRatio);
  }

  async #frames(): Promise<HeardFrame[]> {
    const frames: HeardFrame[] = [];
    const frameSamples = vadFrameSamples * rateRatio;
    for (;;) {
      const from = this.#narrowAt(this.#heard);
      if (this.#narrow.end < from + vadFrameSamples) return frames;
      const samples = this.#narrow.slice(from, from + vadFrameSamples);
      this.#heard += frameSamples;
      frames.push(await this.#judge(samples));
    }
  }

  async #judge(samples: Float32Array): Promise<HeardFrame> {
    const endSample = this.#heard;
    const energy = meanSquare(samples);
    if (this.vad === undefined) {
      const speechFrom = this.#begun ? undefined : this.#origin;
      this.#begun = true;
      this.#speechSamples += samples.length * rateRatio;
      return { endSample, speaking: true, speechFrom, quiet: false, energy };
    }
    const probability = await this.vad.process(samples);
    const step = this.#gate.push(probability);
    if (step.speaking) this.#speechSamples += samples.length * rateRatio;
    return {
      endSample,
      speaking: step.speaking,
      speechFrom:
        step.startedAtSample === undefined
          ? undefined
          : this.#origin + step.startedAtSample * rateRatio,
      quiet: probability < quietProbability,
      energy,
    };
  }
}

function newGate(): SpeechGate {
  return new SpeechGate({
    frameSamples: vadFrameSamples,
    sampleRateHz: vadSampleRateHz,
    offsetProbability: quietProbability,
  });
}

function meanSquare(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return sum / Math.max(1, samples.length);
}
