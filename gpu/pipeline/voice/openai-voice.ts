import type { RequestLimits } from "../../inference/request-queue.ts";
import type { VoiceOrder, VoiceProvider } from "./provider.ts";
import { requestSpeech } from "./speech-request.ts";

export interface OpenAiVoiceOptions {
  /** With its version, for example `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  /** Never logged; servers of one's own may need none. */
  readonly apiKey?: string | undefined;
  readonly model: string;
  readonly timeoutMs: number;
}

/** Speech by an endpoint with OpenAI's interface, `POST /audio/speech`. */
export class OpenAiVoice implements VoiceProvider {
  readonly name = "openai-compatible";
  readonly model: string;

  constructor(private readonly options: OpenAiVoiceOptions) {
    this.model = options.model;
  }

  speak({ text, voiceId }: VoiceOrder, limits?: RequestLimits): Promise<Float32Array> {
    const { baseUrl, apiKey, timeoutMs, model } = this.options;
    return requestSpeech(
      {
        service: "OpenAI-compatible speech",
        url: `${baseUrl.replace(/\/+$/, "")}/audio/speech`,
        headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
        // WAV tells its rate, which servers other than OpenAI's choose themselves
        body: { model, input: text, voice: voiceId, response_format: "wav" },
        text,
        keySetting: "OPENAI_API_KEY",
        timeoutMs,
      },
      limits,
    );
  }
}
