import { join } from "node:path";
import { createVad } from "../../src/vad/silero.ts";
import { whisperFolder } from "../models/whisper/folder.ts";
import { Whisper } from "../models/whisper/whisper.ts";
import { Recogniser } from "../pipeline/recognise.ts";
import type { Stopped } from "../pipeline/stopped.ts";
import { modelFailure, serveTask } from "./child.ts";
import { type HearRequest, type HearResult, hearRequest } from "./messages.ts";

/** `livedub-sts recognise`: voice activity detection and Whisper, as a child of `serve`. */
export function runRecogniseChild(): Promise<never> {
  return serveTask<HearRequest, HearResult>({
    request: hearRequest,
    async load({ modelsDir, asrModel, threads, executionProvider }) {
      const vad = await createVad(join(modelsDir, "vad", "silero-v6", "silero_vad_v6.onnx"));
      const whisper = await Whisper.load(whisperFolder(modelsDir, asrModel), {
        threads,
        executionProvider,
      });
      const recogniser = new Recogniser(vad, whisper);
      await whisper.transcribe(new Float32Array(16_000), "en"); // the first run allocates
      return {
        info: { model: whisper.name, languages: whisper.languages },
        async handle(request, stopped) {
          const heard = await hear(request, recogniser, whisper, stopped);
          return (await stopped()) ? undefined : heard;
        },
      };
    },
    explain: modelFailure,
  });
}

async function hear(
  request: HearRequest,
  recogniser: Recogniser,
  whisper: Whisper,
  stopped: Stopped,
): Promise<HearResult> {
  const { pcm16k, language } = request;
  if (request.kind === "fragment") {
    const heard = await recogniser.recognise(pcm16k, language, stopped);
    const { speechRegions, utterances, rejected } = heard;
    return {
      kind: "fragment",
      speechRegions: [...speechRegions],
      utterances: [...utterances],
      rejected: [...rejected],
    };
  }
  const heard = await whisper.transcribe(pcm16k, language, {
    ...(request.prompt !== undefined && { previousText: request.prompt }),
    words: request.quality === "final",
    quick: request.quality === "partial",
  });
  return {
    kind: "window",
    text: heard.text,
    ...(heard.words && { words: [...heard.words] }),
    noSpeechProbability: heard.noSpeechProbability,
    languageProbability: heard.languageProbability,
    meanLogProbability: heard.meanLogProbability,
    compressionRatio: heard.compressionRatio,
    capped: heard.capped,
  };
}
