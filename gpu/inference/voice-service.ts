import type { SidecarConfig } from "../../src/config/sidecar-rules.ts";
import { ElevenLabsVoice } from "../pipeline/voice/elevenlabs-voice.ts";
import { OpenAiVoice } from "../pipeline/voice/openai-voice.ts";
import type { VoiceProvider } from "../pipeline/voice/provider.ts";

/** The voice service of `TTS_PROVIDER`; undefined where the local voices speak alone. */
export function voiceService(config: SidecarConfig): VoiceProvider | undefined {
  const { ttsProvider, ttsModel: model, ttsTimeoutMs: timeoutMs } = config;
  const { elevenLabsApiKey, openAiApiKey, openAiBaseUrl } = config;
  if (ttsProvider === "elevenlabs" && elevenLabsApiKey !== undefined)
    return new ElevenLabsVoice({ apiKey: elevenLabsApiKey, model, timeoutMs });
  if (ttsProvider === "openai-compatible" && openAiBaseUrl !== undefined)
    return new OpenAiVoice({ baseUrl: openAiBaseUrl, apiKey: openAiApiKey, model, timeoutMs });
  return undefined;
}
