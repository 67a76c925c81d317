import { join } from "node:path";
import { resolveFfmpeg } from "../../../src/media/ffmpeg-binary.ts";

const fixtures = join(import.meta.dir, "..", "..", "fixtures", "media");

/** A file of test/fixtures/media as mono 16 kHz samples. */
export async function fixtureSound(name: string, seconds?: number): Promise<Float32Array> {
  const ffmpeg = await resolveFfmpeg(process.env);
  const limit = seconds === undefined ? [] : ["-t", String(seconds)];
  const input = join(fixtures, name);
  const child = Bun.spawn(
    [
      ffmpeg.path,
      "-v",
      "error",
      "-i",
      input,
      ...limit,
      "-ac",
      "1",
      "-ar",
      "16000",
      "-f",
      "f32le",
      "-",
    ],
    { stdout: "pipe", stderr: "pipe" },
  );
  const [bytes, complaint] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`${name}: ${complaint}`);
  return new Float32Array(bytes.slice().buffer);
}

/** White noise of the level, the same at every run (a linear congruential generator). */
export function whiteNoise(seconds: number, amplitude: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: seconds * 16_000 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return amplitude * (state / 2 ** 31 - 1);
  });
}

/** A dub (24 kHz) as the recogniser wants it: 16 kHz, by linear interpolation. */
export function dubAt16k(samples: Float32Array): Float32Array {
  return Float32Array.from({ length: Math.floor((samples.length * 2) / 3) }, (_, i) => {
    const at = Math.floor(i * 1.5);
    const share = i * 1.5 - at;
    return samples[at]! * (1 - share) + (samples[at + 1] ?? 0) * share;
  });
}
