import type { InferenceSession, Tensor } from "onnxruntime-node";
import {
  type OnnxRuntime,
  type OnnxTensors,
  inputShape,
  int64Tensor,
  outputOf,
} from "../../../src/onnx/runtime.ts";
import type { WhisperVocabulary } from "./vocabulary.ts";

/** Tokens chosen, and how sure the model was of them. */
export interface GreedyResult {
  readonly ids: number[];
  /** Mean natural log-probability of the chosen tokens, the end token included. */
  readonly meanLogProbability: number;
  /** Probability, 0..1, that nothing is said at all. */
  readonly noSpeechProbability: number;
  /** Of the prompt's language among all that the model knows, 0..1; undefined where it knows one alone. */
  readonly languageProbability: number | undefined;
  /** Natural log-probability of each of `ids`. */
  readonly logProbabilities: readonly number[];
  /** The end token did not come before the cap: a loop. */
  readonly capped: boolean;
  /** Keys and values over the encoder's states, by the names of the decoder's inputs. */
  readonly crossCache: OnnxTensors;
}

/**
 * Greedy decoding with the merged decoder of a Hugging Face optimum export. Layers, heads and head size
 * are read from the model's inputs. Cross-attention keys of the first call are kept, where the decoder
 * takes them (ours for GPUs makes them again, and asks for less); the self-attention cache goes round.
 */
export class GreedyDecoder {
  readonly #pastNames: readonly string[];
  /** Outputs of all calls but the first. */
  readonly #laterOutputs: readonly string[];
  readonly #emptyPast: Tensor;
  readonly #vocabulary: WhisperVocabulary;
  readonly #refused: Uint8Array;

  constructor(
    private readonly runtime: OnnxRuntime,
    private readonly session: InferenceSession,
    modelPath: string,
    vocabulary: WhisperVocabulary,
  ) {
    this.#vocabulary = vocabulary;
    this.#pastNames = session.inputNames.filter((name) => name.startsWith("past_key_values."));
    this.#laterOutputs = session.outputNames.filter(
      (name) => this.#keepsCrossCache || !isCrossCache(name),
    );
    const shape = inputShape(session, modelPath, "past_key_values.0.decoder.key");
    const [heads, headSize] = [Number(shape[1]), Number(shape[3])];
    this.#emptyPast = new runtime.Tensor("float32", new Float32Array(0), [1, heads, 0, headSize]);
    this.#refused = new Uint8Array(vocabulary.endOfText + 1);
    for (const id of vocabulary.suppressed) if (id < vocabulary.endOfText) this.#refused[id] = 1;
  }

  /**
   * @param encoded the encoder's hidden states, `[1, positions, size]`
   * @param prompt what decoding goes on from; holds the start of transcript
   * @param maxTokens tokens after which decoding is given up
   */
  async decode(
    encoded: Tensor,
    prompt: readonly number[],
    maxTokens: number,
  ): Promise<GreedyResult> {
    const { endOfText, startOfTranscript } = this.#vocabulary;
    const startRow = prompt.indexOf(startOfTranscript);
    const feeds = this.#firstFeeds(encoded);
    const ids: number[] = [];
    const logProbabilities: number[] = [];
    let input: readonly number[] = prompt;
    let beginning = {
      noSpeechProbability: 0,
      languageProbability: undefined as number | undefined,
    };
    let crossCache: OnnxTensors = {};
    let capped = true;
    for (let step = 0; step <= maxTokens; step++) {
      feeds["input_ids"] = int64Tensor(this.runtime, input, [1, input.length]);
      const outputs =
        step === 0
          ? await this.session.run(feeds)
          : await this.session.run(feeds, this.#laterOutputs);
      const logits = outputOf(outputs, "logits");
      const vocabularySize = logits.dims[2] ?? 0;
      const all = logits.data as Float32Array;
      const rowAt = (at: number) => all.subarray(at * vocabularySize, (at + 1) * vocabularySize);
      if (step === 0) {
        beginning = this.#beginning(rowAt(startRow), prompt[startRow + 1]);
        crossCache = crossCacheIn(outputs);
      }
      const choice = this.#best(rowAt(input.length - 1), step === 0);
      this.#keepCache(feeds, outputs, step === 0);
      logProbabilities.push(choice.logProbability);
      capped = choice.id !== endOfText;
      if (!capped) break;
      ids.push(choice.id);
      input = [choice.id];
    }
    if (capped) ids.pop(); // the one beyond the cap
    const sum = logProbabilities.reduce((total, one) => total + one, 0);
    return {
      ids,
      ...beginning,
      logProbabilities: logProbabilities.slice(0, ids.length),
      meanLogProbability: sum / (ids.length + 1),
      capped,
      crossCache,
    };
  }

  /** What the start of transcript tells, at which the model would choose the language, or say that there is none. */
  #beginning(row: Float32Array, language: number | undefined) {
    const { noSpeech, languageIds } = this.#vocabulary;
    const noSpeechProbability = probabilityOf(row, noSpeech);
    const known = language !== undefined && languageIds.includes(language);
    if (!known) return { noSpeechProbability, languageProbability: undefined };
    const languages = Float32Array.from(languageIds, (id) => row[id] ?? -Infinity);
    const languageProbability = probabilityOf(languages, languageIds.indexOf(language));
    return { noSpeechProbability, languageProbability };
  }

  get #keepsCrossCache(): boolean {
    return this.#pastNames.some(isCrossCache);
  }

  #firstFeeds(encoded: Tensor): OnnxTensors {
    const feeds: OnnxTensors = { encoder_hidden_states: encoded };
    for (const name of this.#pastNames) feeds[name] = this.#emptyPast;
    if (this.#keepsCrossCache)
      feeds["use_cache_branch"] = new this.runtime.Tensor("bool", Uint8Array.of(0), [1]);
    return feeds;
  }

  #keepCache(feeds: OnnxTensors, outputs: OnnxTensors, first: boolean): void {
    for (const name of this.#pastNames)
      if (first || name.includes(".decoder."))
        feeds[name] = outputOf(outputs, name.replace("past_key_values.", "present."));
    if (first && this.#keepsCrossCache)
      feeds["use_cache_branch"] = new this.runtime.Tensor("bool", Uint8Array.of(1), [1]);
  }

  /** The likeliest text token (or the end), and its log-probability among those. */
  #best(row: Float32Array, first: boolean): { id: number; logProbability: number } {
    const { endOfText, suppressedAtBegin } = this.#vocabulary;
    const held = first ? suppressedAtBegin.filter((id) => this.#refused[id] === 0) : [];
    for (const id of held) this.#refused[id] = 1;
    let id = -1;
    let best = -Infinity;
    for (let i = 0; i <= endOfText; i++) {
      if (this.#refused[i] === 0 && row[i]! > best) {
        best = row[i]!;
        id = i;
      }
    }
    let sum = 0;
    for (let i = 0; i <= endOfText; i++)
      if (this.#refused[i] === 0) sum += Math.exp(row[i]! - best);
    for (const released of held) this.#refused[released] = 0;
    return { id, logProbability: -Math.log(sum) };
  }
}

/** Whether a tensor of a decoder's cache is over the encoder's states. */
function isCrossCache(name: string): boolean {
  return /^(past_key_values|present)\.\d+\.encoder\./.test(name);
}

/** The cache over the encoder's states that a call gave, by the names of inputs. */
function crossCacheIn(outputs: OnnxTensors): OnnxTensors {
  return Object.fromEntries(
    Object.entries(outputs)
      .filter(([name]) => isCrossCache(name))
      .map(([name, tensor]) => [name.replace("present.", "past_key_values."), tensor]),
  );
}

/** Softmax of one row at one place. */
function probabilityOf(row: Float32Array, id: number): number {
  let highest = -Infinity;
  for (const value of row) if (value > highest) highest = value;
  let sum = 0;
  for (const value of row) sum += Math.exp(value - highest);
  return Math.exp((row[id] ?? -Infinity) - highest) / sum;
}
