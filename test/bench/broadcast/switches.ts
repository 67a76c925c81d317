import { join } from "node:path";
import { findClicks } from "../../media/clicks.ts";
import { decodeSound } from "../../media/flash-beep.ts";
import { type KnownClip, lowPassedLoop, writeClip } from "../../media/known-clip.ts";
import { type KnownDub, switching } from "../../media/known-dub.ts";
import { dubbedSound } from "./sound.ts";

/** Some more than the 200 asked for: where the voice pauses all through a stretch there is none. */
const count = 208;
const stepMs = 300;
const firstMs = 3000;
const stepSamples = stepMs * 48;
/** So near to a switch it may still be under way. */
const edgeSamples = 100 * 48;

export interface SwitchFigures {
  /** Switches that are heard: into and out of a dub that sounds, into and out of silence. */
  readonly switches: number;
  readonly clicks: number;
  /** Clicks found where the same sounds change places without a crossfade: whether a click would be found. */
  readonly clicksOfHardCuts: number;
}

/**
 * Source → dub → source → fallback `silence` → source and so on, every 300 ms, the background ducked and given back
 * as fast as it can be; everything is low-passed, so that what is high at `out` is a click.
 *
 * @param folder where files may be put
 */
export async function switchFigures(clip: KnownClip, folder: string): Promise<SwitchFigures> {
  const dub = await switching(count, stepMs, firstMs);
  const source = await lowPassedLoop(clip, dub.voice.length * 4);
  const path = join(folder, "switched.mp4");
  await writeClip(path, source);
  const { out, dubStem } = await dubbedSound(path, dub, {
    WORKER_FALLBACK_MODE: "silence",
    WORKER_DUCK_ATTACK: "20ms",
    WORKER_DUCK_HOLD: "0ms",
    WORKER_DUCK_RELEASE: "20ms",
  });
  const cut = join(folder, "cut.mp4");
  await writeClip(cut, hardCut(source, dub));
  const clicksIn = async (sound: Int16Array) =>
    (await findClicks(sound)).filter((at) => at < startOf(count + 1)).length;
  return {
    switches: 2 * stretches().filter((n) => isSwitched(n, out, dubStem)).length,
    clicks: await clicksIn(out),
    clicksOfHardCuts: await clicksIn(await decodeSound(cut)),
  };
}

/** The numbers of the stretches that are not the source's: a dub, silence, a dub … */
function stretches(): number[] {
  return Array.from({ length: count / 2 }, (_, n) => 2 * n);
}

const startOf = (stretch: number) => firstMs * 48 + stretch * stepSamples;
const isDub = (stretch: number) => stretch % 4 === 0;

function isSwitched(stretch: number, out: Int16Array, dubStem: Float32Array): boolean {
  const sound = isDub(stretch) ? dubStem : out;
  const edge = isDub(stretch) ? 0 : edgeSamples;
  const from = 2 * (startOf(stretch) + edge);
  const until = from + 2 * (stepSamples - 2 * edge);
  let loudest = 0;
  for (let at = from; at < until; at++) loudest = Math.max(loudest, Math.abs(sound[at] ?? 0));
  return isDub(stretch) ? loudest > 100 : loudest < 10;
}

function hardCut(source: Int16Array, { voice }: KnownDub): Int16Array {
  const sound = source.slice();
  for (const stretch of stretches())
    for (let at = startOf(stretch); at < startOf(stretch) + stepSamples; at++)
      for (const channel of [0, 1])
        sound[2 * at + channel] = isDub(stretch) ? voice[at >> 1]! * 32_768 : 0;
  return sound;
}
