import { basename } from "node:path";
import { deflateSync } from "node:zlib";
import type { InferenceSession } from "onnxruntime-node";
import { ModelFileError } from "../../../src/onnx/model-file.ts";
import {
  type OnnxRuntime,
  type SessionOptions,
  inputShape,
  loadOnnxRuntime,
  openSession,
  outputOf,
} from "../../../src/onnx/runtime.ts";
import { Aligner } from "./aligner.ts";
import { GreedyDecoder, type GreedyResult } from "./decoder.ts";
import { loudnessOf } from "./loudness.ts";
import { LogMel, hopSamples, whisperSampleRateHz } from "./log-mel.ts";
import { graphFile } from "./folder.ts";
import { alignTokens } from "./token-alignment.ts";
import { WhisperVocabulary } from "./vocabulary.ts";

/** The longest window the model was trained on. */
export const longestWindowSeconds = 30;
/**
 * Short clips loop in short windows. Measured over 70 cuts of 0.8 to 6 s of speech with music and crowd: from
 * 8 s on none does (1 at 6 s, 8 at 4 s), and the words differ from those of 12 s by 0 to 3 %.
 */
const shortestWindowSeconds = 12;
const shortestQuickWindowSeconds = 8;
/** Faster than anyone speaks: more tokens than this mean a loop. */
const tokensPerSecond = 8;
const tokensOfGrace = 10;

/** Samples of one position of the encoder: 20 ms. */
const positionSamples = 2 * hopSamples;
const positionMs = (1000 * positionSamples) / whisperSampleRateHz;

export interface TranscribeOptions {
  /** What was said before, for context. */
  readonly previousText?: string;
  /** Words with their times, where the export can tell them. Default false. */
  readonly words?: boolean;
  /** A shorter window, which costs about half, for words that will be heard again. Default false. */
  readonly quick?: boolean;
}

/** A word with its place in the sound that was given. */
export interface PlacedWord {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Probability of its tokens, 0..1: their geometric mean. */
  readonly confidence: number;
}

export interface Transcription {
  readonly text: string;
  /** Where they were asked for, and the export has alignment heads. */
  readonly words?: readonly PlacedWord[];
  readonly tokens: number;
  readonly meanLogProbability: number;
  readonly noSpeechProbability: number;
  /** Of the language that was asked for, 0..1; undefined where the export knows one alone. */
  readonly languageProbability: number | undefined;
  /** Bytes of the text over its deflated bytes; above about 2.4 it repeats itself. */
  readonly compressionRatio: number;
  readonly capped: boolean;
  readonly melMs: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
  readonly alignMs: number;
}

/** A Whisper export (encoder and merged decoder) of any size. */
export class Whisper {
  private constructor(
    /** Folder name of the export, for example `whisper-base-onnx`. */
    readonly name: string,
    private readonly runtime: OnnxRuntime,
    private readonly encoder: InferenceSession,
    private readonly decoderSession: InferenceSession,
    private readonly decoder: GreedyDecoder,
    private readonly aligner: Aligner | undefined,
    private readonly vocabulary: WhisperVocabulary,
    private readonly logMel: LogMel,
    /** Frames of an export with a fixed window, else undefined. */
    private readonly fixedFrames: number | undefined,
  ) {}

  /**
   * @param modelDir folder with `encoder_model.onnx` and `decoder_model_merged.onnx`; on a CPU, their forms
   *   `…_int8.onnx` are taken where they stand beside them
   * @throws {ModelFileError}
   */
  static async load(modelDir: string, options: SessionOptions = {}): Promise<Whisper> {
    const runtime = await loadOnnxRuntime();
    const encoderPath = graphFile(modelDir, "encoder_model", options);
    const decoderPath = graphFile(modelDir, "decoder_model_merged", options);
    const encoder = await openSession(encoderPath, options);
    const decoderSession = await openSession(decoderPath, options);
    const vocabulary = new WhisperVocabulary(modelDir);
    const decoder = new GreedyDecoder(runtime, decoderSession, decoderPath, vocabulary);
    const logits = decoderSession.outputMetadata.find(({ name }) => name === "logits");
    const tokens = logits?.isTensor === true ? logits.shape[2] : undefined;
    if (typeof tokens === "number") vocabulary.requireSize(tokens);
    const [, bands, frames] = inputShape(encoder, encoderPath, "input_features");
    if (typeof bands !== "number")
      throw new ModelFileError(encoderPath, "its input does not say how many mel bands it wants");
    const fixedFrames =
      typeof frames === "number" && frames > 0 ? frames : await onlyWindow(runtime, encoder, bands);
    return new Whisper(
      basename(modelDir),
      runtime,
      encoder,
      decoderSession,
      decoder,
      await Aligner.load(runtime, modelDir, options),
      vocabulary,
      new LogMel(bands),
      fixedFrames,
    );
  }

  /** Primary subtags of the languages it recognises. */
  get languages(): string[] {
    return this.vocabulary.languages;
  }

  /** True when it recognises the language (primary subtag). */
  speaks(language: string): boolean {
    return this.vocabulary.speaks(language);
  }

  /**
   * @param samples mono, 16 kHz, -1..1, at most {@link longestWindowSeconds} (what is longer is not heard)
   * @throws {RangeError} for a language the export does not know
   */
  async transcribe(
    samples: Float32Array,
    language: string,
    options: TranscribeOptions = {},
  ): Promise<Transcription> {
    const seconds = Math.min(samples.length / whisperSampleRateHz, longestWindowSeconds);
    const frames = this.fixedFrames ?? windowFrames(seconds, options.quick);
    const prompt = this.vocabulary.prompt(language, options.previousText);
    const begun = performance.now();
    const features = this.logMel.compute(samples, frames);
    const encoding = performance.now();
    const outputs = await this.encoder.run({
      input_features: new this.runtime.Tensor("float32", features, [1, this.logMel.bands, frames]),
    });
    const decoding = performance.now();
    const maxTokens = Math.min(224, Math.ceil(seconds * tokensPerSecond) + tokensOfGrace);
    const encoded = outputOf(outputs, "last_hidden_state");
    const result = await this.decoder.decode(encoded, prompt, maxTokens);
    const aligning = performance.now();
    const words =
      options.words === true ? await this.#placeWords(result, language, samples) : undefined;
    const text = this.vocabulary.decode(result.ids);
    return {
      text,
      ...(words && { words }),
      tokens: result.ids.length,
      meanLogProbability: result.meanLogProbability,
      noSpeechProbability: result.noSpeechProbability,
      languageProbability: result.languageProbability,
      compressionRatio: compressionRatio(text),
      capped: result.capped,
      melMs: encoding - begun,
      encodeMs: decoding - encoding,
      decodeMs: aligning - decoding,
      alignMs: performance.now() - aligning,
    };
  }

  async #placeWords(
    { ids, crossCache, logProbabilities }: GreedyResult,
    language: string,
    samples: Float32Array,
  ): Promise<PlacedWord[] | undefined> {
    if (this.aligner === undefined) return undefined;
    const words = this.vocabulary.words(ids, language);
    if (words.length === 0) return [];
    const start = this.vocabulary.prompt(language);
    const scores = await this.aligner.attend([...start, ...ids], crossCache);
    const beginning = new Set(words.map(({ from }) => from));
    const spans = alignTokens(scores, start.length - 1, {
      loudness: loudnessOf(samples, positionSamples),
      beginsWord: ids.map((_, token) => beginning.has(token)),
    });
    const heardMs = (1000 * samples.length) / whisperSampleRateHz;
    const at = (position = 0) => Math.min(heardMs, position * positionMs);
    return words.map(({ text, from, to }) => ({
      text,
      startMs: at(spans[from]?.from),
      endMs: at(spans[to - 1]?.to),
      confidence: Math.exp(mean(logProbabilities.slice(from, to))),
    }));
  }

  async close(): Promise<void> {
    await this.encoder.release();
    await this.decoderSession.release();
    await this.aligner?.close();
  }
}

/**
 * Some exports declare their window free and yet hear only 30 s, as their positions have a fixed count:
 * a short run tells.
 *
 * @returns the one window the export takes, or undefined when it takes any
 */
async function onlyWindow(
  runtime: OnnxRuntime,
  encoder: InferenceSession,
  bands: number,
): Promise<number | undefined> {
  const frames = 100;
  const silence = new Float32Array(bands * frames);
  try {
    await encoder.run({
      input_features: new runtime.Tensor("float32", silence, [1, bands, frames]),
    });
    return undefined;
  } catch {
    return (longestWindowSeconds * whisperSampleRateHz) / hopSamples;
  }
}

/**
 * Frames of the window for a clip: max(12 s, or 8 s for a quick pass, length + 1 s), at most 30 s; even, as the
 * encoder halves them.
 */
export function windowFrames(seconds: number, quick = false): number {
  const shortest = quick ? shortestQuickWindowSeconds : shortestWindowSeconds;
  const window = Math.min(longestWindowSeconds, Math.max(shortest, seconds + 1));
  return 2 * Math.ceil((window * whisperSampleRateHz) / hopSamples / 2);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** How often a text says the same again: 1 is no repetition, a loop gives 3 and more. */
export function compressionRatio(text: string): number {
  const bytes = new TextEncoder().encode(text);
  return bytes.length === 0 ? 1 : bytes.length / deflateSync(bytes).length;
}
