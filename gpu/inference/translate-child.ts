import { join } from "node:path";
import { LocalTranslator } from "../pipeline/local-translator.ts";
import { modelFailure, serveTask } from "./child.ts";
import { translateRequest } from "./messages.ts";

/** `livedub-sts translate`: the local translation models, as a child of `serve`. */
export function runTranslateChild(): Promise<never> {
  return serveTask({
    request: translateRequest,
    async load({ modelsDir, threads, executionProvider }) {
      const translator = await LocalTranslator.load(join(modelsDir, "mt"), {
        threads,
        executionProvider,
      });
      return {
        info: { models: translator.models() },
        handle: async ({ text, source, target }) => ({
          text: await translator.translate(text, source, target),
        }),
      };
    },
    explain: modelFailure,
  });
}
