import type { FragmentCodec } from "../codec/fragment-codec.ts";
import { asHeldFailure } from "./held-failures.ts";
import type { FragmentFailure, FragmentJob } from "./fragment-processor.ts";

/** The sound of one fragment of a session's track. */
export interface FragmentSound {
  /** Mono, 16 kHz; absent where its time goes on without sound. */
  readonly samples?: Float32Array;
  readonly audioMs: number;
  /** Why it cannot be read. */
  readonly failure?: FragmentFailure;
}

/** Reads the sound of a fragment; one without speech has none. */
export async function soundOf(codec: FragmentCodec, job: FragmentJob): Promise<FragmentSound> {
  const { audio, speech, signal } = job;
  if (!speech) return { audioMs: audio.durationMs };
  try {
    const { pcm16k: samples, durationMs: audioMs } = await codec.decode(audio, signal);
    return { samples, audioMs };
  } catch (error) {
    return { audioMs: audio.durationMs, failure: asHeldFailure(error) };
  }
}
