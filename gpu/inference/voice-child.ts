import { join } from "node:path";
import { EspeakError, createPhonemizer } from "../models/kokoro/espeak.ts";
import { Kokoro } from "../models/kokoro/kokoro.ts";
import { Synthesiser, shapeSpeech } from "../pipeline/synthesise.ts";
import { messageOf, modelFailure, serveTask } from "./child.ts";
import { voiceRequest } from "./messages.ts";

/** `livedub-sts voice`: synthesis, as a child of `serve`. */
export function runVoiceChild(): Promise<never> {
  return serveTask({
    request: voiceRequest,
    async load({ modelsDir, threads, executionProvider }) {
      const phonemizer = createPhonemizer();
      const kokoro = await Kokoro.load(join(modelsDir, "tts", "kokoro"), {
        threads,
        executionProvider,
      });
      const synthesiser = new Synthesiser(kokoro, phonemizer);
      return {
        info: { model: "kokoro-82m-v1.0" },
        handle: async (request, stopped) =>
          "audio" in request
            ? shapeSpeech(request.audio, request)
            : synthesiser.synthesise(request, stopped),
      };
    },
    explain: (cause) =>
      cause instanceof EspeakError
        ? { code: "TTS_SYNTHESIS_FAILED", message: messageOf(cause), retryable: cause.retryable }
        : modelFailure(cause),
  });
}
