import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runFfmpeg } from "./tools.ts";

/** Sound without clicks has nothing above {@link clickHz} once it went through {@link lowPassed}. */
const passHz = 2500;
const clickHz = 9000;
/** Four sections of 12 dB an octave each: more than 80 dB between the two. */
const steep = (filter: "lowpass" | "highpass", hz: number) =>
  Array.from({ length: 4 }, () => `${filter}=f=${hz}`).join(",");
const fullScale = 32_768;
/** A click is what stands out above {@link clickHz} by this much, in full scale: −62 dBFS. */
const clickLevel = 0.0008;
/** What follows within 20 ms belongs to the same click. */
const apartSamples = 960;

interface Layout {
  readonly rateHz: number;
  readonly channels: 1 | 2;
}

/** A sound (in whatever scale) without anything high, so that any step in it can be heard and found. */
export function lowPassed(sound: ArrayLike<number>, layout: Layout): Promise<Float32Array> {
  return filtered(sound, layout, steep("lowpass", passHz));
}

/**
 * Where an interleaved stereo sound at 48 kHz that is made of low-passed parts steps.
 *
 * @returns sample pairs, one for each click
 */
export async function findClicks(stereo: Int16Array): Promise<number[]> {
  const layout = { rateHz: 48_000, channels: 2 } as const;
  const high = await filtered(stereo, layout, steep("highpass", clickHz));
  const clicks: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (let n = 0; n < high.length; n++) {
    if (Math.abs(high[n]!) < clickLevel * fullScale) continue;
    if ((n >> 1) - last > apartSamples) clicks.push(n >> 1);
    last = n >> 1;
  }
  return clicks;
}

async function filtered(
  sound: ArrayLike<number>,
  { rateHz, channels }: Layout,
  filter: string,
): Promise<Float32Array> {
  const folder = mkdtempSync(join(tmpdir(), "filtered-"));
  try {
    const raw = join(folder, "sound.f32le");
    await Bun.write(
      raw,
      Float32Array.from(sound, (sample) => sample / fullScale),
    );
    const { stdout } = await runFfmpeg([
      ...["-v", "error", "-f", "f32le", "-ar", String(rateHz), "-ac", String(channels), "-i", raw],
      ...["-af", filter, "-f", "f32le", "-"],
    ]);
    return new Float32Array(stdout.slice().buffer).map((sample) => sample * fullScale);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
