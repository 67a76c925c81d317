import type { Logger } from "../../src/telemetry/log.ts";
import type { Pace, SynthesisResult } from "../pipeline/synthesise.ts";
import { CutShort, ProviderBreaker } from "../pipeline/translation/provider-breaker.ts";
import type { VoiceProvider } from "../pipeline/voice/provider.ts";
import { EngineError } from "./engine-error.ts";
import type { InferenceChild } from "./inference-child.ts";
import type { VoiceInfoMessage, VoiceRequest, VoiceResult } from "./messages.ts";
import type { RequestLimits } from "./request-queue.ts";
import type { ChosenVoice } from "./voice-book.ts";

const restMs = 30_000;
/** Share of the time that is left for which a service is waited for: the local voice needs the rest. */
const serviceShare = 0.6;

export interface SpeakerOptions {
  readonly child: Pick<
    InferenceChild<VoiceRequest, VoiceInfoMessage, VoiceResult>,
    "request" | "info"
  >;
  /** Speaks the profiles that have a `voice_id`. */
  readonly provider?: VoiceProvider | undefined;
  readonly logger: Logger;
}

export interface Spoken extends SynthesisResult {
  /** What spoke. */
  readonly model: string;
}

/**
 * Speaks by a service where the voice is one of a service, else by the local model, which also takes over
 * where the service fails. All sound is brought to its pace in the voice child.
 */
export class Speaker {
  readonly #breaker = new ProviderBreaker(restMs);

  constructor(private readonly options: SpeakerOptions) {}

  /** @throws {EngineError} */
  async speak(
    text: string,
    voice: ChosenVoice,
    pace: Pace,
    limits: RequestLimits = {},
  ): Promise<Spoken> {
    const { child } = this.options;
    const sound = await this.#byService(text, voice, limits);
    if (sound !== undefined)
      return {
        ...(await child.request({ audio: sound.audio, ...pace }, limits)),
        model: sound.model,
      };
    if (voice.local === undefined)
      throw new EngineError("TTS_SYNTHESIS_FAILED", {
        message: "the voice service rests after failures, and no local voice speaks the language",
        retryable: true,
        blame: "upstream",
        stage: "tts",
      });
    const spoken = await child.request({ text, voice: voice.local, ...pace }, limits);
    return { ...spoken, model: child.info.model };
  }

  /** @returns undefined where the local voice is to speak */
  async #byService(
    text: string,
    voice: ChosenVoice,
    limits: RequestLimits,
  ): Promise<{ audio: Float32Array; model: string } | undefined> {
    const { provider, logger } = this.options;
    const { voiceId } = voice;
    if (provider === undefined || voiceId === undefined || !/[\p{L}\p{N}]/u.test(text))
      return undefined;
    if (!this.#breaker.admits()) return undefined;
    try {
      const asked = () => provider.speak({ text, voiceId }, shortened(limits, voice));
      const audio = await this.#breaker.run(() =>
        asked().catch((cause: unknown) => {
          throw limits.signal?.aborted ? new CutShort("given up", { cause }) : cause;
        }),
      );
      return { audio, model: `${provider.name}/${provider.model}` };
    } catch (caught) {
      const cause = caught instanceof CutShort ? caught.cause : caught;
      if (limits.signal?.aborted || voice.local === undefined) throw cause;
      const problem = cause instanceof Error ? cause.message : String(cause);
      logger.warn({ provider: provider.name, problem }, "a local voice speaks for a voice service");
      return undefined;
    }
  }
}

/** Leaves the local voice, where there is one, its time. */
function shortened(limits: RequestLimits, voice: ChosenVoice): RequestLimits {
  const { deadlineAtMs, timeoutMs } = limits;
  if (voice.local === undefined) return limits;
  const nowMs = performance.now();
  return {
    ...limits,
    ...(deadlineAtMs !== undefined && {
      deadlineAtMs: nowMs + serviceShare * (deadlineAtMs - nowMs),
    }),
    ...(timeoutMs !== undefined && { timeoutMs: serviceShare * timeoutMs }),
  };
}
