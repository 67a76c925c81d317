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
  [{ pcm16k: new Float32Array(30 * 16_000 + 1) }, "30 s"],
  [{ pcm16k: [0, 0] }, "Invalid"],
  [{ language: "pt-BR" }, "pattern"],
  [{ quality: "best" }, "partial"],
  [{ prompt: "x".repeat(2001) }, "2000"],
  [{ kind: "song" }, "discriminator"],
] as const)("a window with %o is refused", (change, said) => {
  expect(faultsOf({ ...window, ...change }, hearRequest)).toContain(said);
});

test.each([
  [{ samples: new Float32Array(513) }, "multiple of 512"],
  [{ samples: new Float32Array(512 * 1876) }, "60 s"],
  [
    { samples: new Float32Array(512), state: { hidden: new Float32Array(256), context: [] } },
    "Invalid",
  ],
  [
    {
      samples: new Float32Array(512),
      state: { hidden: new Float32Array(256), context: new Float32Array(63) },
    },
    "64",
  ],
] as const)("a detection of %o is refused", (request, said) => {
  expect(faultsOf(request, detectRequest)).toContain(said);
});

test("the recogniser's size never leads out of the models folder", () => {
  const start = { type: "start", modelsDir: "/m", threads: 1, executionProvider: "cpu" };
  expect(startMessage.safeParse({ ...start, asrModel: "large-v3-turbo" }).success).toBe(true);
  expect(startMessage.safeParse({ ...start, asrModel: "../../etc" }).success).toBe(false);
});
