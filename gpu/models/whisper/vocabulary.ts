import { existsSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { ModelFileError, readModelJson } from "../../../src/onnx/model-file.ts";

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

/** A word of a transcription and the tokens it is made of. */
export interface TokenWord {
  readonly text: string;
  /** Index of its first token, and of the first token after it. */
  readonly from: number;
  readonly to: number;
}

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

  /** Primary subtags of the languages that the export recognises. */
  get languages(): string[] {
    if (!this.#config.is_multilingual) return ["en"];
    return Object.keys(this.#config.lang_to_id).map((token) => token.slice(2, -2));
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
    const plain = text.replace(/<\|[^|]*\|>/g, " ").trim();
    if (plain === "") return [];
    const { ids } = this.#tokenizer.encode(` ${plain}`, { add_special_tokens: false });
    return ids.filter((id) => id < this.endOfText);
  }

  /** The words of text tokens, in order; marks belong to the word before them. */
  words(ids: readonly number[], language: string): TokenWord[] {
    const words: TokenWord[] = [];
    for (const { from, to, begins } of this.#pieces(ids, unspaced.has(language))) {
      const open = words.at(-1);
      const text = this.decode(ids.slice(from, to));
      const isMark = !/[\p{L}\p{N}]/u.test(text);
      if (open === undefined || (begins && !isMark)) words.push({ text, from, to });
      else words[words.length - 1] = { ...open, text: this.decode(ids.slice(open.from, to)), to };
    }
    return words.filter(({ text }) => text !== "");
  }

  /** Tokens joined until they hold whole characters, and whether a word begins there. */
  *#pieces(ids: readonly number[], each: boolean) {
    for (let from = 0; from < ids.length;) {
      let to = from + 1;
      while (to < ids.length && this.decode(ids.slice(from, to)).includes("\uFFFD")) to++;
      const begins =
        each || this.#tokenizer.id_to_token(ids[from]!)?.startsWith(spaceMark) === true;
      yield { from, to, begins };
      from = to;
    }
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
