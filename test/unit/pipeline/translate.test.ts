import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DeepLProvider } from "../../../gpu/pipeline/deepl.ts";
import { TranslationChain } from "../../../gpu/pipeline/translate.ts";
import type { TranslationProvider } from "../../../gpu/pipeline/translation/provider.ts";
import { EngineError } from "../../../gpu/inference/engine-error.ts";

/** Speaks DeepL's HTTP, as far as a translation needs it; what it answers is set by each test. */
let status = 200;
let answerAfterMs = 0;
const asked: { path: string; key: string | null; body: string }[] = [];
let server: Bun.Server<undefined>;

beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const body = await request.text();
      const key = request.headers.get("authorization");
      asked.push({ path: new URL(request.url).pathname, key, body });
      if (answerAfterMs > 0) await Bun.sleep(answerAfterMs);
      if (status !== 200) return Response.json({ message: "refused" }, { status });
      return Response.json({
        translations: [
          { text: "Olá, mundo.", detected_source_language: "EN", billed_characters: 13 },
        ],
      });
    },
  });
});
afterAll(() => server.stop(true));

const provider = (timeoutMs = 3000) =>
  new DeepLProvider({ apiKey: "a-key:fx", serverUrl: server.url.origin, timeoutMs });

async function failureOf(run: Promise<unknown>): Promise<EngineError> {
  const error = await run.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error instanceof EngineError) return error;
  throw new Error(`not an engine error: ${String(error)}`);
}

describe("translation by DeepL", () => {
  test("asks for the voices' accents, with the key in the header only", async () => {
    status = 200;
    expect(
      await provider().translate({ text: "Hello, world.", source: "en", target: "pt" }, {}),
    ).toBe("Olá, mundo.");
    const last = asked.at(-1);
    expect(last?.path).toBe("/v2/translate");
    expect(last?.key).toBe("DeepL-Auth-Key a-key:fx");
    expect(last?.body.toLowerCase()).toContain("pt-br");
    expect(last?.body).not.toContain("a-key");
  });

  test.each([
    [403, "TRANSLATION_API_UNAVAILABLE", false],
    [456, "TRANSLATION_API_UNAVAILABLE", false],
    [429, "RATE_LIMIT_EXCEEDED", true],
    [503, "TRANSLATION_API_UNAVAILABLE", true],
  ] as const)("status %d is %s", async (code, expected, retryable) => {
    status = code;
    const error = await failureOf(
      provider().translate({ text: "Hello.", source: "en", target: "pt" }, {}),
    );
    expect(error).toMatchObject({
      code: expected,
      retryable,
      blame: "upstream",
      stage: "translation",
    });
    expect(error.message).not.toContain("a-key");
  });

  test("a server that does not answer in time is left, by the request's own deadline", async () => {
    status = 200;
    answerAfterMs = 1000;
    const deadlineAtMs = performance.now() + 80;
    const error = await failureOf(
      provider().translate({ text: "Hello.", source: "en", target: "pt" }, { deadlineAtMs }),
    );
    answerAfterMs = 0;
    expect(error.code).toBe("TIMEOUT");
    expect(performance.now() - deadlineAtMs).toBeLessThan(500);
  });

  test("a server that is not there is a network error", async () => {
    const gone = new DeepLProvider({
      apiKey: "a-key:fx",
      serverUrl: "http://127.0.0.1:1",
      timeoutMs: 3000,
    });
    expect(
      await failureOf(gone.translate({ text: "Hello.", source: "en", target: "pt" }, {})),
    ).toMatchObject({
      code: "NETWORK_ERROR",
      retryable: true,
    });
  });

  test("serves only languages that a voice can say", () => {
    expect(provider().modelFor("de", "pt")).toBe("deepl");
    expect(provider().modelFor("en", "de")).toBeUndefined();
    expect(provider().modelFor("pt", "pt")).toBeUndefined();
  });
});

describe("the chain of providers", () => {
  const dictionary: TranslationProvider = {
    name: "local",
    timeoutMs: 1000,
    restMs: 1000,
    reads: { context: false, characterBudget: false },
    pairs: () => [["en", "pt"]],
    modelFor: (source, target) => (source === "en" && target === "pt" ? "a-model" : undefined),
    translate: () => Promise.resolve("Olá."),
  };

  test("falls back to the next provider, and says so", async () => {
    status = 429;
    const chain = new TranslationChain([provider(), dictionary]);
    expect(await chain.translate({ text: "Hello.", source: "en", target: "pt" }, {})).toEqual({
      text: "Olá.",
      model: "a-model",
      fellBackFrom: ["deepl"],
      warnings: [],
    });
  });

  test("fails as the last provider failed where no other serves the pair", async () => {
    status = 403;
    const chain = new TranslationChain([provider(), dictionary]);
    const error = await failureOf(
      chain.translate({ text: "Hello.", source: "en", target: "es" }, {}),
    );
    expect(error.code).toBe("TRANSLATION_API_UNAVAILABLE");
  });

  test("refuses a pair that nothing serves, with the pairs that are", async () => {
    const chain = new TranslationChain([dictionary]);
    const error = await failureOf(
      chain.translate({ text: "Hallo.", source: "de", target: "pt" }, {}),
    );
    expect(error).toMatchObject({
      code: "UNSUPPORTED_LANGUAGE",
      retryable: false,
      blame: "caller",
    });
    expect(error.metadata).toEqual({ pairs: [["en", "pt"]] });
    expect(error.message).toContain("DEEPL_API_KEY");
  });

  test("lists each pair once", () => {
    const pairs = new TranslationChain([provider(), dictionary]).pairs();
    expect(pairs.filter(([source, target]) => source === "en" && target === "pt")).toHaveLength(1);
  });
});

test("what was said before goes to DeepL as context, apart from the text", async () => {
  status = 200;
  const request = { text: "Hello, world.", source: "en", target: "pt", context: "He came in." };
  await provider().translate(request, {});
  const body = new URLSearchParams(asked.at(-1)?.body);
  expect(body.get("context")).toBe("He came in.");
  expect(body.getAll("text")).toEqual(["Hello, world."]);
});
