import { SpeechGate } from "../../src/vad/speech-gate.ts";
import { vadFrameSamples, vadSampleRateHz } from "../../src/vad/silero.ts";
import type { DetectorState, EngineStages } from "../inference/stages.ts";
import type { HeardSpeech } from "./clauses/recognition-line.ts";
import type { SessionTrack } from "./clauses/track.ts";

/** Frames of one call: two seconds. */
const mostFrames = 64;
/** A detector that died is back within seconds; its session's sound waits for it this often. */
const tries = 3;

interface Gated {
  ended: { startMs: number; endMs: number }[];
}

/**
 * The ear of a session: lets the detector hear what the track has newly got, and turns its opinion into stretches of
 * speech. Where the track holds no sound (holes, `speech:false`) nothing runs.
 */
export class SessionEar {
  readonly #gate = new SpeechGate({
    frameSamples: vadFrameSamples,
    sampleRateHz: vadSampleRateHz,
  });
  #state: DetectorState | undefined;
  #originSample: number | undefined;
  #frames = 0;
  #goingFromMs: number | undefined;
  #lostFrames = 0;
  #speechFrames = 0;

  constructor(
    private readonly track: SessionTrack,
    private readonly detect: EngineStages["detect"],
  ) {}

  /** Frames that the detector failed at; they count as speechless. */
  get lostFrames(): number {
    return this.#lostFrames;
  }

  /** Speech heard so far, hangover included. */
  get speechMs(): number {
    return (this.#speechFrames * vadFrameSamples * 1000) / vadSampleRateHz;
  }

  /** Hears everything that the track has got. One call at a time. */
  async hear(): Promise<HeardSpeech | undefined> {
    this.#originSample ??= this.track.firstKeptSample;
    const gated: Gated = { ended: [] };
    for (;;) {
      const from = this.#nextSample;
      const frames = Math.min(
        mostFrames,
        Math.floor((this.track.endSample - from) / vadFrameSamples),
      );
      if (frames <= 0) break;
      for (const probability of await this.#probabilities(from, frames))
        this.#push(probability, gated);
    }
    return this.#news(gated);
  }

  /** The sender's clock jumped, or the sound is over: what is being said ends here. */
  close(): HeardSpeech | undefined {
    const region = this.#gate.flush();
    this.#state = undefined;
    this.#goingFromMs = undefined;
    return this.#news({ ended: region ? [this.#regionMs(region)] : [] });
  }

  get #nextSample(): number {
    return (this.#originSample ?? 0) + this.#frames * vadFrameSamples;
  }

  #news({ ended }: Gated): HeardSpeech | undefined {
    if (this.#originSample === undefined) return undefined;
    return { heardUntilMs: msOf(this.#nextSample), ended, goingFromMs: this.#goingFromMs };
  }

  async #probabilities(from: number, frames: number): Promise<Float32Array> {
    const end = from + frames * vadFrameSamples;
    const sounding = this.track.soundWithin(from, end);
    if (sounding.length === 0) {
      this.#state = undefined;
      return new Float32Array(frames);
    }
    const samples = this.track.read(from, end);
    for (let attempt = 1; ; attempt++) {
      try {
        const { probabilities, state } = await this.detect({
          samples,
          ...(this.#state && { state: this.#state }),
        });
        this.#state = state;
        return probabilities;
      } catch {
        if (attempt < tries) continue;
        this.#lostFrames += frames;
        this.#state = undefined;
        return new Float32Array(frames);
      }
    }
  }

  #push(probability: number, gated: Gated): void {
    this.#frames++;
    const step = this.#gate.push(probability);
    if (step.speaking) this.#speechFrames++;
    if (step.startedAtSample !== undefined)
      this.#goingFromMs = msOf((this.#originSample ?? 0) + step.startedAtSample);
    if (step.ended === undefined) return;
    gated.ended.push(this.#regionMs(step.ended));
    this.#goingFromMs = undefined;
  }

  #regionMs(region: { readonly startSample: number; readonly endSample: number }) {
    const origin = this.#originSample ?? 0;
    return {
      startMs: msOf(origin + region.startSample),
      endMs: msOf(origin + region.endSample),
    };
  }
}

function msOf(sample: number): number {
  return (sample * 1000) / vadSampleRateHz;
}
