import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Seq2Seq } from "../../../gpu/models/seq2seq/seq2seq.ts";
import { LocalTranslator } from "../../../gpu/pipeline/local-translator.ts";

const fixtures = join(import.meta.dir, "../../fixtures/seq2seq");
interface Case {
  readonly text: string;
  readonly source: number[];
  readonly generated: number[];
}

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "livedub-mt-"));
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** A copy of a fixture's export that may be changed. */
function copyOf(fixture: string, name: string): string {
  const dir = join(scratch, name);
  cpSync(join(fixtures, fixture), dir, { recursive: true });
  return dir;
}

describe.each([
  ["tiny-marian-en-pt", "en", "pt", 3],
  ["tiny-m2m", "en", "es", 6],
])("an export of the kind of %s", (fixture, source, target, marks) => {
  test("decodes token for token as a plain computation without cache or runtime does", async () => {
    const cases = (await Bun.file(join(fixtures, fixture, "expected.json")).json()) as Case[];
    const model = await Seq2Seq.load(join(fixtures, fixture));
    expect(cases.length).toBeGreaterThan(5);
    for (const { text, source: ids, generated } of cases) {
      expect(await model.generate(ids, target)).toEqual(generated);
      const words = generated.filter((id) => id >= marks).map((id) => `w${id - marks}`);
      expect(await model.translate(text, source, target)).toBe(words.join(" "));
    }
    expect(await model.translate("  ", source, target)).toBe("");
    await model.close();
  });
});

test("the target language is the first token, and changes what follows", async () => {
  const model = await Seq2Seq.load(join(fixtures, "tiny-m2m"));
  const [toSpanish, toFrench] = [
    await model.generate([3, 9, 10, 0], "es"),
    await model.generate([3, 9, 10, 0], "fr"),
  ];
  expect([toSpanish[0], toFrench[0]]).toEqual([4, 5]);
  expect(toSpanish.slice(1)).not.toEqual(toFrench.slice(1));
  await model.close();
});

describe("what a folder of exports translates", () => {
  test("comes from the folder's name, the language tokens, or livedub.json", async () => {
    const translator = await LocalTranslator.load(fixtures);
    const pairs = translator.models().map(({ name, source, target }) => [name, source, target]);
    expect(pairs).toContainEqual(["tiny-marian-en-pt", "en", "pt"]);
    expect(pairs.filter(([name]) => name === "tiny-m2m")).toHaveLength(6);
    expect(await translator.translate("w1 w2", "fr", "es")).toMatch(/^w\d+/);

    const noted = copyOf("tiny-m2m", "noted");
    const notes = { pairs: [["en", "pt"]], languages: { pt: "__fr__" } };
    writeFileSync(join(noted, "livedub.json"), JSON.stringify(notes));
    const model = await Seq2Seq.load(noted);
    expect(model.pairs).toEqual([["en", "pt"]]);
    expect((await model.generate([3, 9, 0], "pt"))[0]).toBe(5);
  });

  test.each([
    ["nameless", "tiny-marian-en-pt", undefined, "livedub.json"],
    ["unknown", "tiny-m2m", { pairs: [["en", "pt"]] }, "no token for pt"],
    ["wrong", "tiny-m2m", { pairs: [["en", "es"]], languages: { es: "spa" } }, "no token spa"],
    ["regional", "tiny-marian-en-pt", { pairs: [["en", "pt-BR"]] }, "primary subtag"],
  ])("that is %s is refused with the remedy", async (name, fixture, notes, said) => {
    const dir = copyOf(fixture, name);
    if (notes !== undefined) writeFileSync(join(dir, "livedub.json"), JSON.stringify(notes));
    const error = await Seq2Seq.load(dir).catch((cause: unknown) => cause);
    expect(String(error)).toContain(said);
  });
});
