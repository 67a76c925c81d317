import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ModelFileError } from "../../src/onnx/model-file.ts";
import { Marian } from "../models/marian/marian.ts";

/** `bergamot-en-pt`: the last two parts are source and target. */
const pairFolder = /^[a-z0-9.-]+-([a-z]{2,3})-([a-z]{2,3})$/;

/** Every translation model of a folder, each named `<anything>-<source>-<target>`. */
export class LocalTranslator {
  private constructor(private readonly loaded: ReadonlyMap<string, Marian>) {}

  /**
   * @param dir folder of the models; those a user added load like our own
   * @throws {ModelFileError} when there is none, or one is damaged
   */
  static async load(dir: string): Promise<LocalTranslator> {
    const folders = existsSync(dir) ? readdirSync(dir).toSorted() : [];
    const models = new Map<string, Marian>();
    for (const folder of folders) {
      const match = pairFolder.exec(folder);
      if (match === null) continue;
      models.set(`${match[1]}-${match[2]}`, await Marian.load(join(dir, folder)));
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
    return model.translate(text);
  }
}
