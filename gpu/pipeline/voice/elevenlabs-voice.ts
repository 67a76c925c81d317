import type { RequestLimits } from "../../inference/request-queue.ts";
import type { VoiceOrder, VoiceProvider } from "./provider.ts";
import { requestSpeech } from "./speech-request.ts";

export interface ElevenLabsVoiceOptions {
  /** Never logged. */
  readonly apiKey: string;
  readonly model: string;
  readonly timeoutMs: number;
  /** Another server than the service's own, for tests and gateways. */
  readonly baseUrl?: string | undefined;
}

/** Speech by ElevenLabs, `POST /v1/text-to-speech/{voice_id}`. */
export class ElevenLabsVoice implements VoiceProvider {
  readonly name = "elevenlabs";
  readonly model: string;

  constructor(private readonly options: ElevenLabsVoiceOptions) {
    this.model = options.model;
  }

  speak({ text, voiceId }: VoiceOrder, limits?: RequestLimits): Promise<Float32Array> {
    const { apiKey, model, timeoutMs, baseUrl = "https://api.elevenlabs.io" } = this.options;
    const voice = encodeURIComponent(voiceId);
    return requestSpeech(
      {
        service: "ElevenLabs",
        url: `${baseUrl}/v1/text-to-speech/${voice}?output_format=pcm_24000`,
        headers: { "xi-api-key": apiKey },
        body: { text, model_id: model },
        text,
        keySetting: "ELEVENLABS_API_KEY",
        timeoutMs,
      },
      limits,
    );
  }
}
