import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import { EngineError, type EngineErrorCode } from "../../../../gpu/inference/engine-error.ts";
import { TranslationChain } from "../../../../gpu/pipeline/translate.ts";
import type {
  ProviderRequest,
  TranslationLimits,
  TranslationProvider,
} from "../../../../gpu/pipeline/translation/provider.ts";

/** A provider that does what it is told, and notes what it is asked. */
class Scripted implements TranslationProvider {
  timeoutMs = 5000;
  readonly restMs = 30_000;
  reads = { context: false, characterBudget: false };
  readonly asked: ProviderRequest[] = [];
  readonly limits: TranslationLimits[] = [];
  failure: EngineErrorCode | undefined;
  gate: Promise<void> | undefined;

  constructor(readonly name: string) {}
  pairs(): [string, string][] {
    return [["en", "pt"]];
  }
  modelFor(source: string, target: string): string | undefined {
    return source === "en" && target === "pt" ? `${this.name}-model` : undefined;
  }
  async translate(request: ProviderRequest, limits: TranslationLimits): Promise<string> {
    this.asked.push(request);
    this.limits.push(limits);
    await this.gate;
    if (this.failure === undefined) return `${this.name}: ${request.text}`;
    throw new EngineError(this.failure, {
      message: "told to fail",
      retryable: true,
      blame: "upstream",
    });
  }
}

let texts = 0;
/** A new text each time, so that no answer comes from the cache. */
const request = () => ({
  text: `text ${"abcdefghij"[texts++ % 10]}${"a".repeat(texts)}`,
  source: "en",
  target: "pt",
});

afterEach(() => {
  setSystemTime();
});

function twoProviders() {
  const first = new Scripted("first");
  const second = new Scripted("second");
  return { first, second, chain: new TranslationChain([first, second]) };
}

async function failFiveTimes({ first, chain }: ReturnType<typeof twoProviders>) {
  first.failure = "NETWORK_ERROR";
  for (let failures = 0; failures < 5; failures++) await chain.translate(request());
}

describe("the breaker of a provider", () => {
  test("five failures in a row let it rest; after 30 s one probe closes it again", async () => {
    const start = Date.now();
    setSystemTime(start);
    const providers = twoProviders();
    const { first, chain } = providers;
    await failFiveTimes(providers);
    expect(first.asked).toHaveLength(5);

    setSystemTime(start + 29_900);
    expect(await chain.translate(request())).toMatchObject({
      model: "second-model",
      fellBackFrom: ["first"],
    });
    expect(first.asked).toHaveLength(5);

    setSystemTime(start + 30_100);
    first.failure = undefined;
    const opened = Promise.withResolvers<void>();
    first.gate = opened.promise;
    const probe = chain.translate(request());
    expect((await chain.translate(request())).model).toBe("second-model");
    expect(first.asked).toHaveLength(6);
    opened.resolve();
    expect(await probe).toMatchObject({ model: "first-model", fellBackFrom: [] });
    expect((await chain.translate(request())).model).toBe("first-model");
  });

  test("a probe that fails lets it rest for another 30 s", async () => {
    const start = Date.now();
    setSystemTime(start);
    const providers = twoProviders();
    await failFiveTimes(providers);
    setSystemTime(start + 30_100);
    await providers.chain.translate(request());
    await providers.chain.translate(request());
    expect(providers.first.asked).toHaveLength(6);
  });

  test("a success in between, a full queue and a caller who left are not counted", async () => {
    const { first, chain } = twoProviders();
    for (const failure of ["NETWORK_ERROR", "QUEUE_FULL", undefined, "NETWORK_ERROR"] as const) {
      first.failure = failure;
      for (let times = 0; times < 4; times++) await chain.translate(request());
    }
    first.failure = "TIMEOUT";
    const signal = AbortSignal.abort();
    for (let times = 0; times < 6; times++)
      await chain.translate(request(), { signal }).catch(() => {});
    expect(first.asked).toHaveLength(22);
    first.failure = undefined;
    expect((await chain.translate(request())).model).toBe("first-model");
  });

  test("when the only provider rests, the error says so and may be retried", async () => {
    const only = new Scripted("only");
    const chain = new TranslationChain([only]);
    only.failure = "NETWORK_ERROR";
    for (let times = 0; times < 5; times++) await chain.translate(request()).catch(() => {});
    const error = await chain.translate(request()).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "TRANSLATION_API_UNAVAILABLE", retryable: true });
    expect(only.asked).toHaveLength(5);
  });
});

test("a provider before others leaves them some of the time", async () => {
  const { first, second, chain } = twoProviders();
  first.failure = "NETWORK_ERROR";
  await chain.translate(request(), { deadlineAtMs: performance.now() + 1000, timeoutMs: 5000 });
  expect(first.limits[0]?.timeoutMs).toBeLessThanOrEqual(600);
  expect(first.limits[0]?.timeoutMs).toBeGreaterThan(300);
  expect(second.limits[0]?.timeoutMs).toBeGreaterThan(600);
});

describe("the cache", () => {
  const clause = { text: "Hello Anna", source: "en", target: "pt" };

  test("answers what was asked before, and tells whether it did", async () => {
    const provider = new Scripted("local");
    const lookups: boolean[] = [];
    const chain = new TranslationChain([provider], { onCache: (hit) => lookups.push(hit) });
    const once = await chain.translate(clause);
    expect(await chain.translate(clause)).toEqual(once);
    expect(provider.asked).toHaveLength(1);
    expect(lookups).toEqual([false, true]);
  });

  test("keeps apart what shaped the answer: terms, and context and budget where they are read", async () => {
    const provider = new Scripted("local");
    const chain = new TranslationChain([provider]);
    for (const change of [
      {},
      { keepTerms: ["Anna"] },
      { glossary: [{ source: "Anna", target: "Ana" }] },
      { context: "Before." },
      { characterBudget: 9 },
    ])
      await chain.translate({ ...clause, ...change });
    expect(provider.asked).toHaveLength(3);
    provider.reads = { context: true, characterBudget: true };
    for (const change of [{ context: "Before." }, { context: "Else." }, { characterBudget: 9 }])
      await chain.translate({ ...clause, ...change });
    expect(provider.asked).toHaveLength(6);
  });

  test("keeps nothing that lost something", async () => {
    const provider = new Scripted("local");
    provider.translate = (asked) => {
      provider.asked.push(asked);
      if (asked.text.includes("XQ")) return Promise.reject(new Error("gone"));
      return Promise.resolve("nada");
    };
    const chain = new TranslationChain([provider]);
    const lossy = { ...clause, text: "We won 3 to 2" };
    expect((await chain.translate(lossy)).warnings).toEqual(["number_lost: 3", "number_lost: 2"]);
    const before = provider.asked.length;
    await chain.translate(lossy);
    expect(provider.asked.length).toBeGreaterThan(before);
  });
});

test.each([
  [{ text: "x".repeat(20_001) }, "20001 characters"],
  [{ text: "x", keepTerms: [""] }, "keep_terms[0]"],
])("a text or list beyond its limits is the caller's fault (%#)", async (change, said) => {
  const { chain } = twoProviders();
  const failed = chain.translate({ source: "en", target: "pt", ...change });
  const error = await failed.catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: "INVALID_TEXT", retryable: false, blame: "caller" });
  expect((error as Error).message).toContain(said);
});
