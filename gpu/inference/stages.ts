import type {
  TranslateClauseRequest,
  Translation,
} from "../pipeline/translation/clause-translation.ts";
import type { TranslationLimits } from "../pipeline/translation/provider.ts";
import type { RequestLimits } from "./request-queue.ts";

/** What a detector carries from one call to the next; small, so that it travels and no child keeps a session. */
export interface DetectorState {
  /** Silero's recurrent state, `[2, 1, 128]`. */
  readonly hidden: Float32Array;
  /** The last samples of the call before. */
  readonly context: Float32Array;
}

export interface DetectRequest {
  /** Mono, 16 kHz, -1..1; a multiple of 512 samples (32 ms). */
  readonly samples: Float32Array;
  /** Absent: nothing was heard before. */
  readonly state?: DetectorState;
}

export interface DetectResult {
  /** Probability of speech, 0..1, for each 32 ms. */
  readonly probabilities: Float32Array;
  readonly state: DetectorState;
}

export interface TranscribeRequest {
  /** Mono, 16 kHz, -1..1, at most 30 s. */
  readonly pcm16k: Float32Array;
  /** Primary subtag. */
  readonly language: string;
  /** What was said before, for the recogniser's context; at most 64 tokens of it are used. */
  readonly prompt?: string;
  /** `partial`: what is quick, for agreement and captions; `final`: the best, with word times. */
  readonly quality: "partial" | "final";
}

/** A word with its place in the sound that was given. */
export interface HeardWord {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Probability, 0..1; absent where the model does not tell. */
  readonly confidence?: number | undefined;
}

export interface TranscribeResult {
  readonly text: string;
  /** By attention alignment; absent where the model gives none. */
  readonly words?: readonly HeardWord[];
  readonly noSpeechProbability: number;
  /** Of the language that was asked for among all that the model knows; absent where it does not tell. */
  readonly languageProbability?: number | undefined;
  /** Mean natural log-probability of the tokens. */
  readonly meanLogProbability: number;
  /** Of the text; above about 2.4 it repeats itself. */
  readonly compressionRatio: number;
  /** The end did not come within a plausible number of tokens: a loop. */
  readonly capped: boolean;
}

export interface SpeakRequest {
  readonly text: string;
  /** `default`, a voice of the package, or a configured profile. */
  readonly voiceProfile: string;
  /** Primary subtag. */
  readonly language: string;
  /**
   * Wished tempo, 0.85..1.30, 1 = natural: by the synthesiser's own speed first, what that leaves over by a
   * pitch-keeping stretch.
   */
  readonly tempo: number;
}

export interface SpeakResult {
  /** Mono, 24 kHz, silence trimmed, ends softened; empty when the text has nothing to say. */
  readonly audio: Float32Array;
  /** The tempo that came out: `naturalMs` over the length of `audio`. */
  readonly tempo: number;
  /** Length at tempo 1, by the voice's measured behaviour. */
  readonly naturalMs: number;
  /** What spoke, for the answer's metadata. */
  readonly model: string;
}

/** The stages one by one, for a session that decides itself what runs when. Errors are `EngineError`. */
export interface EngineStages {
  detect(request: DetectRequest, limits?: RequestLimits): Promise<DetectResult>;
  transcribe(request: TranscribeRequest, limits?: RequestLimits): Promise<TranscribeResult>;
  translate(request: TranslateClauseRequest, limits?: TranslationLimits): Promise<Translation>;
  speak(request: SpeakRequest, limits?: RequestLimits): Promise<SpeakResult>;
}
