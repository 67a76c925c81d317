/** A stretch of speech on the sample count of its sound; `endSample` is the first sample after it. */
export interface SpeechRegion {
  readonly startSample: number;
  readonly endSample: number;
}

export interface SpeechGateOptions {
  /** Samples per probability. */
  readonly frameSamples: number;
  readonly sampleRateHz: number;
  /** Speech begins at this probability or above. */
  readonly onsetProbability?: number;
  /** Speech may end below this one; lower than the onset, so that a soft syllable does not cut a word. */
  readonly offsetProbability?: number;
  /** Shorter bursts are clicks, not words. */
  readonly minSpeechMs?: number;
  /** Pauses up to this long belong to the speech around them. */
  readonly hangoverMs?: number;
  /** Added before and after, where no other speech lies: nets answer late to soft consonants. */
  readonly padMs?: number;
}

export interface GateStep {
  /** True while speech is being heard, hangover included. */
  readonly speaking: boolean;
  /** Set once, when a stretch of speech has just been confirmed (it may have begun earlier). */
  readonly startedAtSample?: number;
  /** Set once, when a stretch of speech has ended. */
  readonly ended?: SpeechRegion;
}

type State =
  | { readonly kind: "silent" }
  | { readonly kind: "rising"; readonly startFrame: number }
  | { kind: "speaking"; readonly startFrame: number; lastLoudFrame: number };

/**
 * Turns the probabilities of a voice activity detector into stretches of speech, with hysteresis.
 * A pure state machine: no clock, no I/O; regions come out in order and never overlap.
 */
export class SpeechGate {
  readonly #onset: number;
  readonly #offset: number;
  readonly #minFrames: number;
  readonly #hangoverFrames: number;
  readonly #padSamples: number;
  readonly #frameSamples: number;
  #state: State = { kind: "silent" };
  #frame = 0;
  #lastEndSample = 0;

  constructor(options: SpeechGateOptions) {
    const frameMs = (1000 * options.frameSamples) / options.sampleRateHz;
    this.#frameSamples = options.frameSamples;
    this.#onset = options.onsetProbability ?? 0.5;
    this.#offset = options.offsetProbability ?? 0.35;
    if (this.#offset > this.#onset)
      throw new RangeError("the offset probability must not be above the onset probability");
    this.#minFrames = Math.max(1, Math.ceil((options.minSpeechMs ?? 128) / frameMs));
    this.#hangoverFrames = Math.max(0, Math.ceil((options.hangoverMs ?? 320) / frameMs));
    this.#padSamples = Math.round(((options.padMs ?? 64) / 1000) * options.sampleRateHz);
  }

  get speaking(): boolean {
    return this.#state.kind === "speaking";
  }

  /** Takes the probability of the next frame. */
  push(probability: number): GateStep {
    const frame = this.#frame++;
    const state = this.#state;
    if (state.kind === "silent" && probability >= this.#onset)
      this.#state = { kind: "rising", startFrame: frame };
    if (this.#state.kind === "rising")
      return this.#rise(this.#state.startFrame, frame, probability);
    if (state.kind !== "speaking") return { speaking: false };
    if (probability >= this.#offset) state.lastLoudFrame = frame;
    if (frame - state.lastLoudFrame <= this.#hangoverFrames) return { speaking: true };
    return this.#end(state);
  }

  /** The sound is over: what is being said ends here. */
  flush(): SpeechRegion | undefined {
    const state = this.#state;
    if (state.kind === "speaking") return this.#end(state).ended;
    this.#state = { kind: "silent" };
    return undefined;
  }

  #rise(startFrame: number, frame: number, probability: number): GateStep {
    if (probability < this.#offset) {
      this.#state = { kind: "silent" };
      return { speaking: false };
    }
    if (frame - startFrame + 1 < this.#minFrames) return { speaking: false };
    this.#state = { kind: "speaking", startFrame, lastLoudFrame: frame };
    return { speaking: true, startedAtSample: this.#paddedStart(startFrame) };
  }

  #end(state: { startFrame: number; lastLoudFrame: number }): GateStep {
    const startSample = this.#paddedStart(state.startFrame);
    const heardSamples = this.#frame * this.#frameSamples;
    const paddedEnd = (state.lastLoudFrame + 1) * this.#frameSamples + this.#padSamples;
    const endSample = Math.min(paddedEnd, heardSamples);
    this.#lastEndSample = endSample;
    this.#state = { kind: "silent" };
    return { speaking: false, ended: { startSample, endSample } };
  }

  #paddedStart(startFrame: number): number {
    return Math.max(this.#lastEndSample, startFrame * this.#frameSamples - this.#padSamples);
  }
}
