import { existsSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { ModelFileError, readModelJson } from "../../../src/onnx/model-file.ts";
import { type TokenWord, wordsOfTokens } from "./token-words.ts";

const generationConfig = z.object({
  decoder_start_token_id: z.number().int(),
  eos_token_id: z.number().int(),
  is_multilingual: z.boolean().default(true),
  lang_to_id: z.record(z.string(), z.number().int()).default({}),
  task_to_id: z.record(z.string(), z.number().int()).default({}),
  suppress_tokens: z.array(z.number().int()).default([]),
  begin_suppress_tokens: z.array(z.number().int()).default([]),
});

/** Tokens of earlier text that a prompt holds at most. */
const longestPrevious = 64;
/** Written without spaces: each token with whole characters is a word. */
const unspaced = new Set(["zh", "ja", "th", "lo", "my", "yue"]);
/** How byte-level tokens write a leading space. */
const spaceMark = "Ġ";

const jsonObject = z.record(z.string(), z.unknown());

/** What the tokens of one Whisper export mean; everything is read from its files, nothing assumed by size. */
export class WhisperVocabulary {
  readonly startOfTranscript: number;
  readonly endOfText: number;
  readonly noSpeech: number;
  /** Never to be chosen; below {@link endOfText} only those count. */
  readonly suppressed: readonly number[];
  /** Not to be chosen as the first token: a blank, or the end at once. */
  readonly suppressedAtBegin: readonly number[];
  readonly #tokenizer: Tokenizer;
  readonly #config: z.infer<typeof generationConfig>;
  readonly #noTimestamps: number;
  readonly #startOfPrevious: number;
  readonly #tokenizerPath: string;
  readonly #tokens: number;

  /**
   * @param modelDir folder of the export; its tokenizer files stand in it, or in `whisper-tokenizer` beside it
   * @throws {ModelFileError}
   */
  constructor(modelDir: string) {
    const beside = join(modelDir, "..", "whisper-tokenizer");
    const dir = existsSync(join(modelDir, "tokenizer.json")) ? modelDir : beside;
    const tokenizerPath = join(dir, "tokenizer.json");
    this.#config = readModelJson(join(dir, "generation_config.json"), generationConfig);
    this.#tokenizer = new Tokenizer(
      readModelJson(tokenizerPath, jsonObject),
      readModelJson(join(dir, "tokenizer_config.json"), jsonObject),
    );
    this.#tokenizerPath = tokenizerPath;
    this.#tokens = 1 + Math.max(...this.#tokenizer.get_vocab(true).values());
    const idOf = (...names: string[]) => {
      const id = names.map((name) => this.#tokenizer.token_to_id(name)).find((found) => found);
      if (id === undefined) throw new ModelFileError(tokenizerPath, `it has no token ${names[0]}`);
      return id;
    };
    this.startOfTranscript = this.#config.decoder_start_token_id;
    this.endOfText = this.#config.eos_token_id;
    this.noSpeech = idOf("<|nospeech|>", "<|nocaptions|>");
    this.#noTimestamps = idOf("<|notimestamps|>");
    this.#startOfPrevious = idOf("<|startofprev|>");
    this.suppressed = this.#config.suppress_tokens.filter((id) => id >= 0);
    this.suppressedAtBegin = this.#config.begin_suppress_tokens;
  }

  /**
   * @param size tokens that the decoder gives logits for
   * @throws {ModelFileError} for the tokenizer of another family: its marks would mean other things
   */
  requireSize(size: number): void {
    if (size === this.#tokens) return;
    throw new ModelFileError(
      this.#tokenizerPath,
      `it has ${this.#tokens} tokens, the decoder ${size}; put the export's own tokenizer files beside it`,
    );
  }

  /** Primary subtags of the languages that the export recognises. */
  get languages(): string[] {
    if (!this.#config.is_multilingual) return ["en"];
    return Object.keys(this.#config.lang_to_id).map((token) => token.slice(2, -2));
  }

  /** The tokens of those languages; none where it knows one alone. */
  get languageIds(): number[] {
    return this.#config.is_multilingual ? Object.values(this.#config.lang_to_id) : [];
  }

  /** True when the export recognises the language (primary subtag, for example `pt`). */
  speaks(language: string): boolean {
    if (!this.#config.is_multilingual) return language === "en";
    return `<|${language}|>` in this.#config.lang_to_id;
  }

  /**
   * The tokens a transcription starts with.
   *
   * @param previousText what was said before, of which the last 64 tokens are used
   * @throws {RangeError} for a language it does not speak
   */
  prompt(language: string, previousText = ""): number[] {
    if (!this.speaks(language)) throw new RangeError(`Whisper does not recognise ${language}`);
    const previous = this.encode(previousText).slice(-longestPrevious);
    return [
      ...(previous.length > 0 ? [this.#startOfPrevious, ...previous] : []),
      ...this.#startSequence(language),
    ];
  }

  /** Ids of plain text; what looks like a special token in it is left out, as it would steer the model. */
  encode(text: string): number[] {
    const plain = text
      .replace(/<\|[^|]*\|>/g, " ")
      .replace(/\s+/g, " ")
      .trim();
    if (plain === "") return [];
    const { ids } = this.#tokenizer.encode(` ${plain}`, { add_special_tokens: false });
    return ids.filter((id) => id < this.endOfText);
  }

  /** The words of text tokens, in order. */
  words(ids: readonly number[], language: string): TokenWord[] {
    return wordsOfTokens(ids, {
      decode: (some) => this.decode(some),
      beginsWithSpace: (id) => this.#tokenizer.id_to_token(id)?.startsWith(spaceMark) === true,
      unspaced: unspaced.has(language),
    });
  }

  #startSequence(language: string): number[] {
    if (!this.#config.is_multilingual) return [this.startOfTranscript, this.#noTimestamps];
    const languageId = this.#config.lang_to_id[`<|${language}|>`];
    const transcribe = this.#config.task_to_id["transcribe"];
    const ids = [this.startOfTranscript, languageId, transcribe, this.#noTimestamps];
    return ids.filter((id) => id !== undefined);
  }

  /** Text of text tokens; special ones are left out. */
  decode(ids: readonly number[]): string {
    return this.#tokenizer.decode([...ids], { skip_special_tokens: true }).trim();
  }
}
