import { FlvParser, flvHeader, flvTagBytes, flvTagType } from "../../src/media/flv.ts";
import { type FlashBeepTimes, makeFlashBeepClip } from "./flash-beep.ts";
import type { TimedTag } from "./rtmp-publisher.ts";

/** Where a troubled clip's sound is in trouble, in seconds of its content. */
export const trouble = {
  /** Here the stamps of the sound jump back, and what was sent already comes once more. */
  overlapAt: 8.4,
  overlapSeconds: 0.3,
  /** From here on so much of the sound is missing. */
  holeAt: 12.4,
  holeSeconds: 0.3,
  /** The sound's clock against its stamps'. */
  stretch: 1.0005,
} as const;

/**
 * Flashes and beeps with a steady tone, whose sound has an overlap, a hole and a clock that is 500 ppm off its
 * stamps: beep n is to be heard at n × 1.0005 s.
 */
export async function troubledTags(path: string, seconds: number): Promise<TimedTag[]> {
  await makeFlashBeepClip({ path, seconds, gopFrames: 25, bFrames: 0 });
  const { overlapAt, overlapSeconds, holeAt, holeSeconds, stretch } = trouble;
  const tags = new FlvParser().push(await Bun.file(path).bytes());
  const pictures = tags.filter(({ type }) => type === flvTagType.video);
  const sound = tags.filter(({ type }) => type === flvTagType.audio);
  const between = (from: number, to: number) =>
    sound.filter(({ timestampMs: ms }) => ms >= 1000 * from && ms < 1000 * to);
  const sent = [
    ...between(0, overlapAt),
    ...between(overlapAt - overlapSeconds, holeAt),
    ...between(holeAt + holeSeconds, seconds + 1),
  ];
  // Sent at a steady pace: what comes once more comes late, as from an encoder that was set back.
  return [
    ...pictures.map((tag) => ({ ...tag, sendAtMs: tag.timestampMs })),
    ...sent.map((tag, n) => {
      const isAgain = n >= between(0, overlapAt).length;
      const beforeHole = tag.timestampMs < 1000 * holeAt;
      const lateMs = isAgain && beforeHole ? 1000 * overlapSeconds : 0;
      const timestampMs = Math.round(tag.timestampMs * stretch);
      return { ...tag, timestampMs, sendAtMs: tag.timestampMs + lateMs };
    }),
  ].toSorted((a, b) => a.sendAtMs - b.sendAtMs);
}

/** The same as a file. */
export async function writeFlv(path: string, tags: readonly TimedTag[]): Promise<void> {
  const bytes = tags.map(({ type, timestampMs, data }) => flvTagBytes(type, timestampMs, data));
  await Bun.write(path, Buffer.concat([flvHeader({ video: true, audio: true }), ...bytes]));
}

/**
 * How far each beep lies from the place that its stamp gave it, in milliseconds, told by the flash beside it.
 * @param lastSecond content time of the last flash
 */
export function beepsOffMs({ flashes, beeps }: FlashBeepTimes, lastSecond: number): number[] {
  const pairs = flashes.flatMap((flash) => {
    const beep = beeps.find((at) => Math.abs(at - flash) < 0.4);
    return beep === undefined ? [] : [{ flash, beep }]; // filler is white, and without a beep
  });
  const last = pairs.at(-1)?.flash ?? Number.NaN;
  return pairs.map(({ flash, beep }) => {
    const second = lastSecond + Math.round(flash - last);
    return (beep - flash) * 1000 - (trouble.stretch - 1) * 1000 * second;
  });
}
