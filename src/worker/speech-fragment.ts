import { randomUUID } from "node:crypto";
import { streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { OutgoingFragment } from "../sts/fragment.ts";
import type { Listener } from "./listener.ts";

/**
 * A stretch of speech to be dubbed by itself, with its sound: the listener may forget it.
 *
 * @param airsAtMs when its first sample airs; undefined with pacing `file`
 */
export function speechFragment(
  listener: Listener,
  startSample: number,
  endSample: number,
  airsAtMs: number | undefined,
): OutgoingFragment {
  const narrow = listener.pcm(startSample, endSample, 16_000);
  const full = listener.pcm(startSample, endSample, streamSampleRateHz);
  return {
    fragmentId: randomUUID(),
    startSample,
    endSample,
    durationMs: Math.round(((endSample - startSample) * 1000) / streamSampleRateHz),
    pcm: (rateHz) => (rateHz === 16_000 ? narrow : full),
    airsAtMs,
  };
}
