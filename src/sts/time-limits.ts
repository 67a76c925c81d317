import { streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { OutgoingFragment } from "./fragment.ts";

/** Live fragments that may wait for a credit; one more, and the oldest falls back (contract 2.13). */
const liveQueueLimit = 2;
/** Short ones may be more, up to this much of stream time: they survive a hiccup as well as long ones. */
const liveQueueSamples = 1.3 * streamSampleRateHz;
/** Beyond its air time, how long the answer of a held fragment is waited for before the sidecar counts as silent. */
const heldGraceMs = 1000;

/** True when more live fragments wait for a credit than may. */
export function isQueueTooLong(queue: readonly { readonly fragment: OutgoingFragment }[]): boolean {
  if (queue.length <= liveQueueLimit) return false;
  const samples = queue.reduce(
    (sum, { fragment }) => sum + fragment.endSample - fragment.startSample,
    0,
  );
  return samples > liveQueueSamples;
}

/**
 * Longest wait for a live fragment's answer, from now, in ms: a session that holds answers may use all the time
 * until the air.
 */
export function answerWithinMs(
  { held, airsAtMs }: OutgoingFragment,
  timeoutMs: number,
  nowMs: number,
): number {
  if (!held || airsAtMs === undefined) return timeoutMs;
  return Math.max(timeoutMs, airsAtMs - nowMs + heldGraceMs);
}
