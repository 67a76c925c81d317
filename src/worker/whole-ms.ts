import { bytesPerStereoSample } from "../audio/pcm.ts";
import { type PcmMessage, streamSampleRateHz } from "../protocol/relay-worker.ts";

const samplesPerMs = streamSampleRateHz / 1000;

/**
 * The sound from the next whole millisecond of stream time on. Fragments tell their lengths in milliseconds: of one
 * that begins between two, servers that answer by that length leave the last samples out, and that is heard as a click.
 *
 * @returns undefined when nothing is left of it
 */
export function fromWholeMs(message: PcmMessage): PcmMessage | undefined {
  const startSample = Math.ceil(message.startSample / samplesPerMs) * samplesPerMs;
  const skipped = startSample - message.startSample;
  if (skipped === 0) return message;
  const pcm = message.pcm.subarray(skipped * bytesPerStereoSample);
  if (pcm.length === 0) return undefined;
  return { ...message, startSample, airsInMs: message.airsInMs + skipped / samplesPerMs, pcm };
}
