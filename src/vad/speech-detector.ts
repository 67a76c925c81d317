import { type Vad, vadFrameSamples, vadSampleRateHz } from "./silero.ts";
import {
  type GateStep,
  SpeechGate,
  type SpeechGateOptions,
  type SpeechRegion,
} from "./speech-gate.ts";

export type DetectorOptions = Omit<SpeechGateOptions, "frameSamples" | "sampleRateHz">;

/**
 * Speech in a continuous sound that arrives in blocks of any length: cuts them into the detector's frames
 * and runs the gate over its answers. Samples count from the first one pushed.
 */
export class SpeechDetector {
  #gate: SpeechGate;
  #frame = new Float32Array(vadFrameSamples);
  #filled = 0;

  /** @param vad owned by the caller, used for this sound only */
  constructor(
    private readonly vad: Vad,
    private readonly options: DetectorOptions = {},
  ) {
    this.#gate = this.#freshGate();
  }

  get speaking(): boolean {
    return this.#gate.speaking;
  }

  /**
   * @param samples mono, 16 kHz, -1..1, any count; calls must not overlap
   * @returns what changed, one step for each whole frame
   */
  async push(samples: Float32Array): Promise<GateStep[]> {
    const steps: GateStep[] = [];
    for (let read = 0; read < samples.length;) {
      const take = Math.min(vadFrameSamples - this.#filled, samples.length - read);
      this.#frame.set(samples.subarray(read, read + take), this.#filled);
      this.#filled += take;
      read += take;
      if (this.#filled < vadFrameSamples) break;
      this.#filled = 0;
      steps.push(this.#gate.push(await this.vad.process(this.#frame)));
    }
    return steps;
  }

  /** Ends the sound and returns the speech that was still open; the next push starts another sound. */
  flush(): SpeechRegion | undefined {
    const region = this.#gate.flush();
    this.#gate = this.#freshGate();
    this.#filled = 0;
    this.vad.reset();
    return region;
  }

  #freshGate(): SpeechGate {
    return new SpeechGate({
      ...this.options,
      frameSamples: vadFrameSamples,
      sampleRateHz: vadSampleRateHz,
    });
  }
}

/**
 * All speech of a whole sound.
 *
 * @param samples mono, 16 kHz, -1..1; the last part frame is completed with silence
 * @returns regions in order, within the sound
 */
export async function findSpeech(
  vad: Vad,
  samples: Float32Array,
  options: DetectorOptions = {},
): Promise<SpeechRegion[]> {
  vad.reset();
  const detector = new SpeechDetector(vad, options);
  const padded = new Float32Array(Math.ceil(samples.length / vadFrameSamples) * vadFrameSamples);
  padded.set(samples);
  const steps = await detector.push(padded);
  const regions = steps.flatMap((step) => step.ended ?? []);
  const last = detector.flush();
  if (last) regions.push(last);
  return regions
    .map((region) => ({ ...region, endSample: Math.min(region.endSample, samples.length) }))
    .filter((region) => region.endSample > region.startSample);
}
