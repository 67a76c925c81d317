import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { InferenceChild } from "../../../gpu/inference/inference-child.ts";
import { LocalTranslationProvider } from "../../../gpu/inference/local-translation-provider.ts";
import {
  type TranslateInfo,
  type TranslateRequest,
  type TranslateResult,
  translateInfo,
  translateResult,
} from "../../../gpu/inference/messages.ts";
import { TranslationChain } from "../../../gpu/pipeline/translate.ts";
import { selfCommand } from "../../../src/process/self.ts";
import { createLogger } from "../../../src/telemetry/log.ts";
import { requireModelsFolder } from "../../../src/weights/store.ts";

let child: InferenceChild<TranslateRequest, TranslateInfo, TranslateResult>;
let chain: TranslationChain;

/** The real models in their own process, without the other stages. */
beforeAll(async () => {
  const { LIVEDUB_MODELS_DIR: dir } = process.env;
  const modelsDir = await requireModelsFolder({ dir, env: process.env });
  child = new InferenceChild({
    task: "translate",
    stage: "translation",
    command: selfCommand("livedub-sts", "translate"),
    env: process.env,
    start: { modelsDir, threads: 1, executionProvider: "cpu" },
    info: translateInfo,
    result: translateResult,
    logger: createLogger({ level: "silent", format: "json" }),
    queueMaxDepth: 20,
    recycleAboveBytes: 2 ** 30,
  });
  await child.start();
  chain = new TranslationChain([new LocalTranslationProvider(child)]);
}, 60_000);
afterAll(() => child.close());

describe("the local models keep", () => {
  const names = ["Vinícius Júnior", "Old Trafford", "Bill Gates", "iPhone", "Rock in Rio", "May"];
  test.each([
    "{0} scores at {1} and the fans of {2} are shouting.",
    "The new {0} is what {1} wants to buy from {2}.",
    "According to {0}, the price of the {1} went up in {2}.",
    "{0}!",
    "so {0} you know was really tired after {1}",
    "This is {0}'s last game, said {1}, {2} and {3}.",
  ])(
    "names, whatever they mean as words: %j",
    async (pattern) => {
      for (let first = 0; first < names.length; first++) {
        const used = new Set<string>();
        const text = pattern.replaceAll(/\{(\d)\}/g, (_, at: string) => {
          const name = names[(first + Number(at)) % names.length] ?? "";
          used.add(name);
          return name;
        });
        const request = { text, source: "en", target: "pt", keepTerms: names };
        const { text: translated, warnings } = await chain.translate(request);
        for (const name of used) expect(translated.split(name)).toHaveLength(2);
        expect(translated).not.toContain("XQ");
        expect(warnings).toEqual([]);
      }
    },
    30_000,
  );

  test.each([
    ["It cost $1,234.50 and rose 5.5% in 2019.", ["$1.234,50", "5,5%", "2019"]],
    ["He ran 100 metres in 9.58 seconds at 3:45 pm.", ["100", "9,58", "3:45"]],
    ["At 60 mph it took 1.234 seconds.", ["60 mph", "1,234"]],
    ["He is 6 ft tall and weighs 180 lb.", ["6 ft", "180 lb"]],
  ] as const)("numbers and units, as Portuguese writes them: %j", async (text, kept) => {
    const answer = await chain.translate({ text, source: "en", target: "pt" });
    for (const part of kept) expect(answer.text).toContain(part);
    expect(answer.warnings).toEqual([]);
  });
});

test("a glossary decides the word", async () => {
  const request = {
    text: "The striker was clearly offside in the second half.",
    source: "en",
    target: "pt",
    glossary: [
      { source: "striker", target: "artilheiro" },
      { source: "offside", target: "impedido" },
    ],
  };
  const { text, warnings } = await chain.translate(request);
  expect(text).toContain("artilheiro");
  expect(text).toContain("impedido");
  expect(warnings).toEqual([]);
});

describe("text that no speaker said", () => {
  test("markup and emoji do no harm", async () => {
    const said = { source: "en", target: "pt" };
    const plain = await chain.translate({ text: "The match begins at nine.", ...said });
    const decorated = "<b>The match</b> begins 🏟️ at nine. ⚽🎉";
    expect((await chain.translate({ text: decorated, ...said })).text).toBe(plain.text);
  });

  test("nothing becomes nothing", async () => {
    for (const text of ["", "   ", "🎉", "<br/>"])
      expect((await chain.translate({ text, source: "en", target: "pt" })).text).toBe("");
  });

  const endless = "we won the game and they lost the game and ".repeat(240);

  test("thousands of characters without a full stop are translated to their end", async () => {
    const text = `${endless.slice(0, 2000)} the end of the story`;
    const request = { text, source: "en", target: "pt", keepTerms: ["story"] };
    const answer = await chain.translate(request);
    expect(answer.text).toEndWith("story");
    expect(answer.text.length).toBeGreaterThan(1000);
  }, 60_000);

  test("10,000 characters are given up at their deadline, and the next text is served", async () => {
    const request = { text: endless.slice(0, 10_000), source: "en", target: "pt" };
    const late = chain.translate(request, { deadlineAtMs: performance.now() + 100 });
    expect(await late.catch((cause: unknown) => cause)).toMatchObject({ code: "TIMEOUT" });
    const next = await chain.translate({ text: "Good morning.", source: "en", target: "pt" });
    expect(next.text).toBe("Bom dia.");
  }, 30_000);

  test("a language that nobody serves is refused with what is served", async () => {
    const refused = chain.translate({ text: "Hi", source: "en", target: "sw" });
    const error = await refused.catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "UNSUPPORTED_LANGUAGE", blame: "caller" });
    expect((error as Error).message).toContain("en→pt");
  });
});
