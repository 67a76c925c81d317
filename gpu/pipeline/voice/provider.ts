import type { RequestLimits } from "../../inference/request-queue.ts";

/** What is asked of a voice service. */
export interface VoiceOrder {
  readonly text: string;
  /** The service's own name of the voice: `voice_id` of a profile. */
  readonly voiceId: string;
}

/** A service that speaks text at its natural tempo. */
export interface VoiceProvider {
  /** As it stands in `TTS_PROVIDER`. */
  readonly name: string;
  /** What speaks, for the answer's metadata. */
  readonly model: string;
  /**
   * @returns mono, 24 kHz, -1..1, as the service gave it
   * @throws {EngineError} of stage `tts`, blaming upstream
   */
  speak(order: VoiceOrder, limits?: RequestLimits): Promise<Float32Array>;
}
