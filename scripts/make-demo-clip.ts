/**
 * Makes the demo clip: read sentences over a picture, with music under them, and its timeline.
 * The speech and the music lie in test/fixtures/media; the picture does not (see the README there).
 * usage: scripts/make-demo-clip PICTURE.mp4 [OUT_DIR]      writes news.mp4 and news.json; FFMPEG_BIN names the FFmpeg
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { toolPath } from "../src/weights/cache-paths.ts";
import plan from "./demo-clip-plan.json";

const sampleRateHz = 48_000;
const speechRmsDbfs = -23;
/** Quieter than this, relative to the sentence's peak, counts as silence around it: 1 % of 0.7. */
const silenceRatio = 0.014;
const edgeFadeSamples = 240;
const frameRate = 30;
const videoKbps = 430;
const media = join(import.meta.dir, "../test/fixtures/media");

const planSchema = z.object({
  durationMs: z.int(),
  bed: z.string(),
  speechToBedDb: z.number(),
  sentences: z.array(
    z.object({ pauseMs: z.int(), file: z.string(), text: z.string(), pt: z.string() }),
  ),
});

async function ffmpeg(parameters: readonly string[], input?: Uint8Array): Promise<Uint8Array> {
  const program = process.env["FFMPEG_BIN"] || toolPath(process.env, "ffmpeg");
  const child = Bun.spawn([program, "-nostdin", "-v", "error", "-y", ...parameters], {
    stdin: input ?? "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = new Uint8Array(await new Response(child.stdout).arrayBuffer());
  if ((await child.exited) !== 0) throw new Error(`FFmpeg ended with ${child.exitCode}`);
  return output;
}

async function decode(file: string, channels: 1 | 2): Promise<Float32Array> {
  const format = ["-ar", String(sampleRateHz), "-ac", String(channels), "-f", "f32le"];
  const bytes = await ffmpeg(["-i", join(media, file), ...format, "pipe:1"]);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
}

/** The sentence without the silence around it, with 5 ms fades, at the clip's speech level. */
function levelled(samples: Float32Array): Float32Array {
  const threshold = silenceRatio * samples.reduce((peak, x) => Math.max(peak, Math.abs(x)), 0);
  const first = samples.findIndex((x) => Math.abs(x) > threshold);
  const last = samples.findLastIndex((x) => Math.abs(x) > threshold);
  const sentence = samples.slice(first, last + 1);
  const gain = 10 ** (speechRmsDbfs / 20) / rms(sentence);
  return sentence.map((x, n) => {
    const edge = Math.min(1, (n + 1) / edgeFadeSamples, (sentence.length - n) / edgeFadeSamples);
    return x * gain * edge;
  });
}

const picture = process.argv[2];
if (!picture) throw new Error("usage: scripts/make-demo-clip PICTURE.mp4 [OUT_DIR]");
const outDir = process.argv[3] ?? media;
const { durationMs, bed, speechToBedDb, sentences } = planSchema.parse(plan);
const length = (durationMs / 1000) * sampleRateHz;

const bedSamples = await decode(bed, 2);
const bedGain = 10 ** ((speechRmsDbfs - speechToBedDb) / 20) / rms(bedSamples);
const mix = new Float32Array(2 * length);
for (let n = 0; n < mix.length; n += 1) {
  mix[n] = bedGain * (bedSamples[n % bedSamples.length] ?? 0);
}

const timeline = [];
let position = 0;
for (const { pauseMs, file, text, pt } of sentences) {
  const sentence = levelled(await decode(file, 1));
  const start = position + (pauseMs * sampleRateHz) / 1000;
  position = start + sentence.length;
  if (position > length) throw new Error(`${file} ends after the clip`);
  for (const [n, x] of sentence.entries()) {
    const left = 2 * (start + n);
    mix[left] = (mix[left] ?? 0) + x;
    mix[left + 1] = (mix[left + 1] ?? 0) + x;
  }
  const ms = (sample: number): number => Math.round((sample * 10_000) / sampleRateHz) / 10;
  timeline.push({ startMs: ms(start), endMs: ms(position), file, text, pt });
}

// A small white box crosses the picture once, so that no two frames are the same.
const seconds = durationMs / 1000;
const filter = `[0:v][1:v]overlay=x='n*(main_w-16)/${seconds * frameRate}':y=main_h-24:shortest=0[v]`;
const pictureIn = ["-stream_loop", "-1", "-i", picture];
const boxIn = ["-f", "lavfi", "-i", `color=white:s=16x16:r=${frameRate}`];
const soundIn = ["-f", "f32le", "-ar", String(sampleRateHz), "-ac", "2", "-i", "pipe:0"];
const x264 = "keyint=60:min-keyint=60:scenecut=0:bframes=3:b-pyramid=normal:open-gop=0";
const rate = [
  "-b:v",
  `${videoKbps}k`,
  "-maxrate",
  `${2 * videoKbps}k`,
  "-bufsize",
  `${2 * videoKbps}k`,
];
const video = ["-c:v", "libx264", "-profile:v", "high", "-pix_fmt", "yuv420p", "-threads", "1"];
const audio = ["-c:a", "aac", "-b:a", "128k", "-ar", String(sampleRateHz), "-ac", "2"];
await ffmpeg(
  [
    ...[
      ...pictureIn,
      ...boxIn,
      ...soundIn,
      "-filter_complex",
      filter,
      "-map",
      "[v]",
      "-map",
      "2:a",
    ],
    ...[
      "-t",
      String(seconds),
      ...video,
      "-x264-params",
      x264,
      "-preset",
      "slow",
      ...rate,
      ...audio,
    ],
    ...["-map_metadata", "-1", "-bitexact", "-movflags", "+faststart", join(outDir, "news.mp4")],
  ],
  new Uint8Array(mix.buffer),
);
const description = {
  clip: "news.mp4",
  durationMs,
  lang: "en",
  bed,
  speechToBedDb,
  sentences: timeline,
};
await writeFile(join(outDir, "news.json"), `${JSON.stringify(description, null, 2)}\n`);
