import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { ModelFileError, readModelJson } from "../../../src/onnx/model-file.ts";

const id = z.number().int().nonnegative();
const modelConfig = z.object({
  model_type: z.enum(["marian", "m2m_100"]),
  decoder_start_token_id: id,
  eos_token_id: id,
  pad_token_id: id,
  forced_bos_token_id: id.nullish(),
});
const jsonObject = z.record(z.string(), z.unknown());
const language = z.string().regex(/^[a-z]{2,3}$/, "must be a primary subtag, like pt");
const livedubNotes = z.object({
  pairs: z
    .array(z.tuple([language, language]))
    .min(1)
    .max(20_000),
  /** The token of each language, where the model does not call them `__pt__`: NLLB's `por_Latn`. */
  languages: z.record(language, z.string().min(1)).default({}),
});

const pairFolder = /-([a-z]{2,3})-([a-z]{2,3})$/;
const languageToken = /^__([a-z]{2,3})__$/;

/** True for a folder that holds a Hugging Face export, not one of our own format. */
export function isSeq2SeqExport(modelDir: string): boolean {
  return existsSync(join(modelDir, "config.json"));
}

/**
 * What the files of one export say: `config.json`, `tokenizer.json`, and `livedub.json`, our note beside
 * them that names the pairs (`{"pairs": [["en", "pt"]]}`) where neither the folder nor the tokens do.
 */
export class ExportFolder {
  readonly name: string;
  readonly pairs: readonly (readonly [source: string, target: string])[];
  readonly decoderStart: number;
  readonly endOfSentence: number;
  readonly padding: number;
  readonly #tokenizer: Tokenizer;
  readonly #forcedBegin: number | undefined;
  readonly #languageIds: ReadonlyMap<string, number>;

  /** @throws {ModelFileError} */
  constructor(readonly modelDir: string) {
    this.name = basename(modelDir);
    const config = readModelJson(join(modelDir, "config.json"), modelConfig);
    this.decoderStart = config.decoder_start_token_id;
    this.endOfSentence = config.eos_token_id;
    this.padding = config.pad_token_id;
    this.#forcedBegin = config.forced_bos_token_id ?? undefined;
    const tokenizerConfig = join(modelDir, "tokenizer_config.json");
    this.#tokenizer = new Tokenizer(
      readModelJson(join(modelDir, "tokenizer.json"), jsonObject),
      existsSync(tokenizerConfig) ? readModelJson(tokenizerConfig, jsonObject) : {},
    );
    const notesPath = join(modelDir, "livedub.json");
    const notes = existsSync(notesPath) ? readModelJson(notesPath, livedubNotes) : undefined;
    this.#languageIds =
      config.model_type === "m2m_100"
        ? this.#languagesOf(notes?.languages ?? {}, notesPath)
        : new Map();
    this.pairs = notes?.pairs ?? this.#pairsByName();
    if (this.pairs.length === 0)
      throw new ModelFileError(
        modelDir,
        'its languages are not known: name the folder …-en-pt, or write {"pairs": [["en", "pt"]]} into livedub.json beside the model',
      );
    const unknown = this.pairs.flat().find((tag) => !this.#languageIds.has(tag));
    if (config.model_type === "m2m_100" && unknown !== undefined)
      throw new ModelFileError(
        notesPath,
        `the model has no token for ${unknown}: name it under "languages", like {"pt": "por_Latn"}`,
      );
  }

  /** Ids of a source text, with the marks that the model was trained on. */
  encode(text: string, source: string): number[] {
    const { ids } = this.#tokenizer.encode(text, { add_special_tokens: false });
    const from = this.#languageIds.get(source);
    return [...(from === undefined ? [] : [from]), ...ids, this.endOfSentence];
  }

  decode(ids: readonly number[]): string {
    return this.#tokenizer.decode([...ids], { skip_special_tokens: true }).trim();
  }

  /** The token that an answer must begin with; undefined where the model is free. */
  beginOf(target: string): number | undefined {
    return this.#languageIds.get(target) ?? this.#forcedBegin;
  }

  #languagesOf(named: Readonly<Record<string, string>>, notesPath: string): Map<string, number> {
    const ids = new Map<string, number>();
    for (const [token, tokenId] of this.#tokenizer.get_vocab(true)) {
      const tag = languageToken.exec(token)?.[1];
      if (tag !== undefined) ids.set(tag, tokenId);
    }
    for (const [tag, token] of Object.entries(named)) {
      const tokenId = this.#tokenizer.token_to_id(token);
      if (tokenId === undefined)
        throw new ModelFileError(notesPath, `languages.${tag}: the model has no token ${token}`);
      ids.set(tag, tokenId);
    }
    return ids;
  }

  #pairsByName(): [string, string][] {
    const match = pairFolder.exec(this.name);
    if (match?.[1] !== undefined && match[2] !== undefined) return [[match[1], match[2]]];
    const tags = [...this.#languageIds.keys()];
    return tags.flatMap((source) =>
      tags
        .filter((target) => target !== source)
        .map((target): [string, string] => [source, target]),
    );
  }
}
