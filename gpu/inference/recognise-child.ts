import { join } from "node:path";
import { createVad } from "../../src/vad/silero.ts";
import { Whisper } from "../models/whisper/whisper.ts";
import { Recogniser } from "../pipeline/recognise.ts";
import { modelFailure, serveTask } from "./child.ts";
import { recogniseRequest } from "./messages.ts";

/** `livedub-sts recognise`: voice activity detection and Whisper, as a child of `serve`. */
export function runRecogniseChild(): Promise<never> {
  return serveTask({
    request: recogniseRequest,
    async load({ modelsDir, threads, executionProvider }) {
      const vad = await createVad(join(modelsDir, "vad", "silero-v6", "silero_vad_v6.onnx"));
      const whisper = await Whisper.load(join(modelsDir, "asr", "whisper-base-onnx"), {
        threads,
        executionProvider,
      });
      const recogniser = new Recogniser(vad, whisper);
      await recogniser.recognise(new Float32Array(16_000), "en"); // the first run allocates
      return {
        info: { model: whisper.name, languages: whisper.languages },
        async handle({ pcm16k, language }, stopped) {
          const recognition = await recogniser.recognise(pcm16k, language, stopped);
          return (await stopped()) ? undefined : recognition;
        },
      };
    },
    explain: modelFailure,
  });
}
