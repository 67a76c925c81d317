import type { CostFigures } from "../../gpu/inference/stage-figures.ts";
import type {
  DetectRequest,
  DetectResult,
  EngineStages,
  SpeakRequest,
  SpeakResult,
  TranscribeRequest,
  TranscribeResult,
} from "../../gpu/inference/stages.ts";
import type {
  TranslateClauseRequest,
  Translation,
} from "../../gpu/pipeline/translation/clause-translation.ts";
import { ScriptedEngine } from "./scripted-engine.ts";

const rateHz = 16_000;
const dubRateHz = 24_000;
const frameSamples = 512;
/** Word number n is a stretch of samples of this value times n + 1: sound that carries its own text. */
const step = 40 / 32_768;
/** What the scripted voice takes for a character at tempo 1. */
export const msPerCharacter = 40;

/** A word of the script and when it is said, ms. */
export interface ScriptedWord {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** Words said one after another, `wordMs` each with `gapMs` between them. */
export function sayScript(
  text: string,
  startMs = 0,
  wordMs = 250,
  gapMs = 30,
): readonly ScriptedWord[] {
  return text.split(" ").map((word, i) => {
    const at = startMs + i * (wordMs + gapMs);
    return { text: word, startMs: at, endMs: at + wordMs };
  });
}

/** The sound of a script, mono 16 kHz. */
export function soundOf(script: readonly ScriptedWord[], lengthMs: number): Float32Array {
  const sound = new Float32Array((lengthMs * rateHz) / 1000);
  for (const [n, word] of script.entries())
    sound.fill(step * (n + 1), (word.startMs * rateHz) / 1000, (word.endMs * rateHz) / 1000);
  return sound;
}

export type Faults = Partial<{
  readonly [Stage in keyof EngineStages]: (
    request: Parameters<EngineStages[Stage]>[0],
    run: () => Awaited<ReturnType<EngineStages[Stage]>>,
  ) => Promise<Awaited<ReturnType<EngineStages[Stage]>>>;
}>;

/** An engine whose recogniser really reads the sound it is given, by {@link soundOf}'s code; its voice speaks ones. */
export class ScriptedStagesEngine extends ScriptedEngine {
  readonly stages: EngineStages;
  readonly transcribed: TranscribeRequest[] = [];
  readonly translated: TranslateClauseRequest[] = [];
  readonly spoken: SpeakRequest[] = [];
  /** What its stages cost, as measured at its start: next to nothing, unless a test's faults take their time. */
  figures: CostFigures = { passMs: 1, translateMs: 1, speakRtf: 0.001, msPerCharacter };

  constructor(
    private readonly words: readonly ScriptedWord[],
    faults: Faults = {},
    pairs: [string, string][] = [
      ["en", "pt"],
      ["en", "es"],
    ],
  ) {
    super(() => ({}), pairs);
    const plain = {
      detect: (request: DetectRequest) => detect(request),
      transcribe: (request: TranscribeRequest) => this.#transcribe(request),
      translate: (request: TranslateClauseRequest) => this.#translate(request),
      speak: (request: SpeakRequest) => this.#speak(request),
    };
    this.stages = {
      detect: async (request) => (faults.detect ?? direct)(request, () => plain.detect(request)),
      transcribe: async (request) =>
        (faults.transcribe ?? direct)(request, () => plain.transcribe(request)),
      translate: async (request) =>
        (faults.translate ?? direct)(request, () => plain.translate(request)),
      speak: async (request) => (faults.speak ?? direct)(request, () => plain.speak(request)),
    };
  }

  measure(): Promise<CostFigures> {
    return Promise.resolve(this.figures);
  }

  override hasVoice(profile: string): boolean {
    return profile === "default";
  }

  #transcribe(request: TranscribeRequest): TranscribeResult {
    this.transcribed.push(request);
    const words: { text: string; startMs: number; endMs: number; confidence: number }[] = [];
    let from = 0;
    while (from < request.pcm16k.length) {
      const value = Math.round(request.pcm16k[from]! / step);
      let to = from;
      while (to < request.pcm16k.length && Math.round(request.pcm16k[to]! / step) === value) to++;
      const text = this.words[value - 1]?.text;
      if (text !== undefined)
        words.push({
          ...{ text, startMs: (1000 * from) / rateHz, endMs: (1000 * to) / rateHz },
          confidence: confidenceOf(text),
        });
      from = to;
    }
    return {
      text: words.map((word) => word.text).join(" "),
      words,
      languageProbability: 0.97,
      noSpeechProbability: words.length > 0 ? 0.02 : 0.9,
      meanLogProbability: -0.2,
      compressionRatio: 1.2,
      capped: false,
    };
  }

  #translate(request: TranslateClauseRequest): Translation {
    this.translated.push(request);
    return {
      text: `${request.target}:${request.text}`,
      model: "scripted-mt",
      fellBackFrom: [],
      warnings: [],
    };
  }

  #speak(request: SpeakRequest): SpeakResult {
    this.spoken.push(request);
    const naturalMs = request.text.length * msPerCharacter;
    const length = Math.round((naturalMs / request.tempo / 1000) * dubRateHz);
    const audio = new Float32Array(length).fill(0.5);
    return { audio, tempo: request.tempo, naturalMs, model: "scripted-tts" };
  }
}

/** How sure the scripted recogniser is of a word: another figure for each length. */
export function confidenceOf(word: string): number {
  return 1 - 1 / (word.length + 4);
}

function direct<Result>(_request: unknown, run: () => Result): Promise<Result> {
  return Promise.resolve(run());
}

function detect({ samples, state }: DetectRequest): DetectResult {
  const probabilities = Float32Array.from({ length: samples.length / frameSamples }, (_, frame) => {
    const at = frame * frameSamples;
    const loud = samples.subarray(at, at + frameSamples).some((sample) => sample !== 0);
    return loud ? 0.9 : 0.02;
  });
  return {
    probabilities,
    state: state ?? { hidden: new Float32Array(256), context: new Float32Array(64) },
  };
}
