import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFfmpeg } from "../../gpu/codec/ffmpeg-program.ts";

/** Two seconds whose halves differ, so that order and length can be told: 440 Hz, then 1760 Hz. */
const twoTones = "aevalsrc='0.4*sin(2*PI*t*if(lt(t,1),440,1760))':d=2:s=48000:c=stereo[a];[a]anull";

/** Runs FFmpeg and gives what it wrote to its standard output. */
export async function ffmpeg(args: readonly string[], input?: Uint8Array): Promise<Uint8Array> {
  const child = Bun.spawn([findFfmpeg(process.env), "-v", "error", ...args], {
    stdin: input ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, complaint, code] = await Promise.all([
    child.stdout.bytes(),
    child.stderr.text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`ffmpeg ${args.join(" ")}: ${complaint}`);
  return output;
}

/** AAC as released workers and others send it; each is two seconds at 48 kHz stereo. */
export interface AacFixtures {
  /** Forty seconds of noise: larger than what a reader of a pipe buffers. */
  readonly longMp4: Uint8Array;
  readonly adts: Uint8Array;
  readonly raw: Uint8Array;
  /** MP4 with its index at the end, as most writers leave it. */
  readonly mp4: Uint8Array;
  readonly mp4IndexFirst: Uint8Array;
  readonly fragmentedMp4: Uint8Array;
  readonly wav: Uint8Array;
  readonly floatWav: Uint8Array;
  readonly pcm: Uint8Array;
}

export async function makeAacFixtures(): Promise<AacFixtures> {
  const source = ["-f", "lavfi", "-i", twoTones];
  const aac = ["-c:a", "aac", "-b:a", "128k"];
  const folder = await mkdtemp(join(tmpdir(), "livedub-test-"));
  const file = async (flags: readonly string[] = [], input: readonly string[] = source) => {
    const path = join(folder, "a.m4a");
    await ffmpeg([...input, ...aac, ...flags, "-f", "mp4", "-y", path]);
    return Bun.file(path).bytes();
  };
  try {
    const adts = await ffmpeg([...source, ...aac, "-f", "adts", "-"]);
    return {
      adts,
      raw: stripAdts(adts),
      mp4: await file(),
      mp4IndexFirst: await file(["-movflags", "+faststart"]),
      fragmentedMp4: await file(["-movflags", "frag_keyframe+empty_moov"]),
      longMp4: await file([], ["-f", "lavfi", "-i", "anoisesrc=d=40:r=48000:a=0.5"]),
      wav: await ffmpeg([...source, "-f", "wav", "-"]),
      floatWav: await ffmpeg([...source, "-c:a", "pcm_f32le", "-f", "wav", "-"]),
      pcm: await ffmpeg([...source, "-f", "s16le", "-"]),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The AAC frames without their ADTS headers (ISO/IEC 13818-7, 6.2). */
function stripAdts(adts: Uint8Array): Uint8Array {
  const frames: Uint8Array[] = [];
  for (let at = 0; at + 7 <= adts.length;) {
    const [, protection = 0, , high = 0, middle = 0, low = 0] = adts.subarray(at, at + 6);
    const length = ((high & 3) << 11) | (middle << 3) | (low >> 5);
    frames.push(adts.subarray(at + ((protection & 1) === 1 ? 7 : 9), at + length));
    at += length;
  }
  return Buffer.concat(frames);
}

/** Strength of one frequency in mono samples (Goertzel), 1 for a full-scale sine. */
export function strengthAt(samples: Float32Array, frequencyHz: number, rateHz: number): number {
  const step = (2 * Math.PI * frequencyHz) / rateHz;
  let re = 0;
  let im = 0;
  for (let i = 0; i < samples.length; i++) {
    re += (samples[i] as number) * Math.cos(step * i);
    im += (samples[i] as number) * Math.sin(step * i);
  }
  return (2 * Math.hypot(re, im)) / samples.length;
}
