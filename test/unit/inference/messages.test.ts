import { expect, test } from "bun:test";
import { detectRequest, hearRequest, startMessage } from "../../../gpu/inference/messages.ts";

const window = {
  kind: "window",
  pcm16k: new Float32Array(16_000),
  language: "en",
  quality: "final",
};

function faultsOf(request: unknown, schema: typeof hearRequest | typeof detectRequest): string {
  const parsed = schema.safeParse(request);
  return parsed.success ? "" : parsed.error.issues.map((issue) => issue.message).join("; ");
}

test("a window, with and without what was said before, and a fragment are understood", () => {
  expect(faultsOf(window, hearRequest)).toBe("");
  expect(faultsOf({ ...window, prompt: "And so", quality: "partial" }, hearRequest)).toBe("");
  const { pcm16k, language } = window;
  expect(faultsOf({ kind: "fragment", pcm16k, language }, hearRequest)).toBe("");
});

test.each([
  ["more than 30 s", { pcm16k: new Float32Array(30 * 16_000 + 1) }, "30 s"],
  ["sound that is no samples", { pcm16k: [0, 0] }, "Invalid"],
  ["a region in its language", { language: "pt-BR" }, "pattern"],
  ["an unknown quality", { quality: "best" }, "partial"],
  ["an endless prompt", { prompt: "x".repeat(2001) }, "2000"],
  ["an unknown kind", { kind: "song" }, "discriminator"],
] as const)("a window with %s is refused", (_, change, said) => {
  expect(faultsOf({ ...window, ...change }, hearRequest)).toContain(said);
});

const frame = new Float32Array(512);
const hidden = new Float32Array(256);
test.each([
  ["part of a frame", { samples: new Float32Array(513) }, "multiple of 512"],
  ["more than a minute", { samples: new Float32Array(512 * 1876) }, "60 s"],
  ["a context that is no samples", { samples: frame, state: { hidden, context: [] } }, "Invalid"],
  [
    "a context of another size",
    { samples: frame, state: { hidden, context: new Float32Array(63) } },
    "64",
  ],
] as const)("a detection with %s is refused", (_, request, said) => {
  expect(faultsOf(request, detectRequest)).toContain(said);
});

test("the recogniser's size never leads out of the models folder", () => {
  const start = { type: "start", modelsDir: "/m", threads: 1, executionProvider: "cpu" };
  expect(startMessage.safeParse({ ...start, asrModel: "large-v3-turbo" }).success).toBe(true);
  expect(startMessage.safeParse({ ...start, asrModel: "../../etc" }).success).toBe(false);
});
