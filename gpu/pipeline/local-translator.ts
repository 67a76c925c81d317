import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ModelFileError } from "../../src/onnx/model-file.ts";
import type { SessionOptions } from "../../src/onnx/runtime.ts";
import { Marian } from "../models/marian/marian.ts";
import { isSeq2SeqExport } from "../models/seq2seq/export-folder.ts";
import { Seq2Seq } from "../models/seq2seq/seq2seq.ts";

/** `bergamot-en-pt`: the last two parts are source and target. */
const pairFolder = /^[a-z0-9.-]+-([a-z]{2,3})-([a-z]{2,3})$/;

interface LocalModel {
  readonly name: string;
  translate(text: string, source: string, target: string): Promise<string>;
}

/**
 * Every translation model of a folder: our own format, named `<anything>-<source>-<target>`, and Hugging
 * Face exports of Marian and M2M type. Of two that translate the same pair, the later name is taken.
 */
export class LocalTranslator {
  private constructor(private readonly loaded: ReadonlyMap<string, LocalModel>) {}

  /**
   * @param dir folder of the models; those a user added load like our own
   * @param options where exports run; our own small models run on the CPU, on one thread
   * @throws {ModelFileError} when there is none, or one is damaged
   */
  static async load(dir: string, options: SessionOptions = {}): Promise<LocalTranslator> {
    const folders = existsSync(dir) ? readdirSync(dir).toSorted() : [];
    const models = new Map<string, LocalModel>();
    for (const folder of folders) {
      const modelDir = join(dir, folder);
      if (isSeq2SeqExport(modelDir)) {
        const model = await Seq2Seq.load(modelDir, options);
        for (const [source, target] of model.pairs) models.set(`${source}-${target}`, model);
        continue;
      }
      const match = pairFolder.exec(folder);
      if (match === null) continue;
      models.set(`${match[1]}-${match[2]}`, await Marian.load(modelDir));
    }
    if (models.size === 0) throw new ModelFileError(dir, "it holds no translation model");
    return new LocalTranslator(models);
  }

  /** The loaded models and what they translate. */
  models(): { name: string; source: string; target: string }[] {
    return [...this.loaded].map(([pair, model]) => {
      const [source = "", target = ""] = pair.split("-");
      return { name: model.name, source, target };
    });
  }

  /** @throws {RangeError} for a pair it has no model of */
  async translate(text: string, source: string, target: string): Promise<string> {
    const model = this.loaded.get(`${source}-${target}`);
    if (model === undefined)
      throw new RangeError(`no local model translates ${source} to ${target}`);
    return model.translate(text, source, target);
  }
}
