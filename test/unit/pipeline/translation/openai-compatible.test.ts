import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { EngineError } from "../../../../gpu/inference/engine-error.ts";
import { OpenAiCompatibleProvider } from "../../../../gpu/pipeline/openai-compatible.ts";
import { TranslationChain } from "../../../../gpu/pipeline/translate.ts";

const apiKey = "sk-very-secret";
interface Asked {
  readonly path: string;
  readonly key: string | null;
  readonly body: {
    model: string;
    temperature: number;
    max_tokens: number;
    messages: { role: string; content: string }[];
  };
}
let asked: Asked[] = [];
let reply: (asked: Asked) => Response | Promise<Response>;
let server: Bun.Server<undefined>;

beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const body = (await request.json()) as Asked["body"];
      const path = new URL(request.url).pathname;
      const one = { path, key: request.headers.get("authorization"), body };
      asked.push(one);
      return reply(one);
    },
  });
});
afterAll(() => server.stop(true));
beforeEach(() => {
  asked = [];
  reply = () => says('{"translation": "Olá, mundo."}');
});

/** A chat completion with this message. */
function says(content: string, finish = "stop"): Response {
  return Response.json({ choices: [{ message: { content }, finish_reason: finish }] });
}

const provider = (
  change: Partial<ConstructorParameters<typeof OpenAiCompatibleProvider>[0]> = {},
) =>
  new OpenAiCompatibleProvider({
    baseUrl: `${server.url.origin}/v1/`,
    apiKey,
    model: "a-model",
    timeoutMs: 3000,
    ...change,
  });
const hello = { text: "Hello, world.", source: "en", target: "pt" };

async function failureOf(run: Promise<unknown>): Promise<EngineError> {
  const error = await run.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error instanceof EngineError) return error;
  throw new Error(`not an engine error: ${String(error)}`);
}

describe("a request to an OpenAI-compatible endpoint", () => {
  test("asks its model, exactly and with all that is known; the key stands in the header only", async () => {
    const request = { ...hello, context: "He came in.", characterBudget: 14.2 };
    expect(await provider().translate(request, {})).toBe("Olá, mundo.");
    const [one] = asked;
    expect(one).toMatchObject({
      path: "/v1/chat/completions",
      key: `Bearer ${apiKey}`,
      body: { model: "a-model", temperature: 0 },
    });
    expect(one?.body.messages.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(JSON.parse(one?.body.messages[1]?.content ?? "")).toEqual({
      text: "Hello, world.",
      from: "en",
      to: "pt-BR",
      previous: "He came in.",
      max_characters: 14,
    });
    expect(JSON.stringify(one?.body)).not.toContain(apiKey);
  });

  test("sends no key where there is none", async () => {
    await provider({ apiKey: undefined }).translate(hello, {});
    expect(asked[0]?.key).toBeNull();
  });

  test("takes JSON in a fence", async () => {
    reply = () => says('```json\n{"translation": "Olá."}\n```');
    expect(await provider().translate(hello, {})).toBe("Olá.");
  });
});

describe("what is no translation is a failure", () => {
  test.each([
    ["empty", () => says('{"translation": "  "}'), "empty"],
    ["prose", () => says("Olá, mundo."), "is not"],
    ["other JSON", () => says('{"text": "Olá"}'), "is not"],
    [
      "absurdly long",
      () => says(JSON.stringify({ translation: "la ".repeat(200) })),
      "599 characters",
    ],
    ["cut off", () => says('{"translation": "Olá', "length"), "cut off"],
    ["no completion", () => Response.json({ error: "x" }), "no chat completion"],
    ["no JSON", () => new Response("<html>"), "no chat completion"],
    ["endless", () => new Response("x".repeat(300 * 1024)), "longer than"],
    [
      "its prompt",
      ({ body }: Asked) =>
        says(JSON.stringify({ translation: body.messages[0]?.content.slice(0, 120) })),
      "instructions",
    ],
  ] as [string, typeof reply, string][])("%s", async (_, answer, said) => {
    reply = answer;
    const error = await failureOf(provider().translate(hello, {}));
    expect(error).toMatchObject({ code: "TRANSLATION_FAILED", blame: "upstream", retryable: true });
    expect(error.message).toMatch(said);
  });

  test.each([
    [401, "TRANSLATION_API_UNAVAILABLE", false, "OPENAI_API_KEY"],
    [404, "TRANSLATION_API_UNAVAILABLE", false, "OPENAI_TRANSLATION_MODEL"],
    [429, "RATE_LIMIT_EXCEEDED", true, "429"],
    [500, "TRANSLATION_API_UNAVAILABLE", true, "500"],
  ] as const)(
    "status %d is %s; a key in the body is not repeated",
    async (status, code, retryable, said) => {
      reply = ({ key }) => new Response(`bad key ${key}`, { status });
      const error = await failureOf(provider().translate(hello, {}));
      expect(error).toMatchObject({ code, retryable, stage: "translation" });
      expect(error.message).toContain(said);
      expect(error.message).not.toContain(apiKey);
    },
  );

  test("a redirect is not followed", async () => {
    reply = ({ path }) =>
      path === "/elsewhere"
        ? says('{"translation": "Olá."}')
        : Response.redirect("/elsewhere", 307);
    const error = await failureOf(provider().translate(hello, {}));
    expect(error.message).toContain("redirect");
    expect(asked).toHaveLength(1);
  });

  test("a server that does not answer in time is left", async () => {
    const never = Promise.withResolvers<Response>();
    reply = () => never.promise;
    const deadlineAtMs = performance.now() + 60;
    expect((await failureOf(provider().translate(hello, { deadlineAtMs }))).code).toBe("TIMEOUT");
    never.resolve(says("{}"));
  });

  test("a server that is not there is a network error; a key that no header takes is not shown", async () => {
    const gone = provider({ baseUrl: "http://127.0.0.1:1/v1" });
    expect(await failureOf(gone.translate(hello, {}))).toMatchObject({ code: "NETWORK_ERROR" });
    const error = await failureOf(provider({ apiKey: `${apiKey}\u{1F600}` }).translate(hello, {}));
    expect(error.message).not.toContain(apiKey);
  });
});

test("the next provider answers where this one's answer is none; names survive both", async () => {
  reply = () => says('{"translation": ""}');
  const local = {
    name: "local",
    timeoutMs: 1000,
    restMs: 1000,
    reads: { context: false, characterBudget: false },
    pairs: (): [string, string][] => [["en", "pt"]],
    modelFor: () => "a-local-model",
    translate: ({ text }: { text: string }) => Promise.resolve(text.replace("Hello", "Olá")),
  };
  const chain = new TranslationChain([provider(), local]);
  const request = { ...hello, text: "Hello, Mr. Bill.", keepTerms: ["Bill"] };
  expect(await chain.translate(request)).toEqual({
    text: "Olá, Mr. Bill.",
    model: "a-local-model",
    fellBackFrom: ["openai-compatible"],
    warnings: [],
  });
  const said = JSON.parse(asked[0]?.body.messages[1]?.content ?? "") as { text: string };
  expect(said.text).toBe("Hello, Mr. XQA.");
});

test("serves what a voice can say", () => {
  expect(provider().modelFor("de", "pt")).toBe("a-model");
  expect(provider().modelFor("en", "de")).toBeUndefined();
  expect(provider().pairs()).toContainEqual(["en", "ja"]);
});
