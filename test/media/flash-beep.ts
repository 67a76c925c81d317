import { runFfmpeg } from "./tools.ts";

export interface FlashBeepOptions {
  readonly path: string;
  readonly seconds: number;
  readonly framesPerSecond?: number;
  readonly gopFrames?: number;
  readonly bFrames?: number;
  readonly sampleRateHz?: number;
  readonly channels?: 1 | 2;
  /** One flash and beep in so many seconds; default 1. */
  readonly everySeconds?: number;
  readonly audio?: boolean;
  readonly video?: boolean;
  readonly videoCodec?: "libx264" | "libx265";
  /** Width and height as FFmpeg writes them. */
  readonly size?: string;
}

/** Frequency and amplitude of the steady tone on the right channel, which shows any jump of the sound. */
const steadyToneHz = 440;
const steadyToneAmplitude = 0.1;
const beepLevel = 0.3 * 32_768;

/**
 * Makes a clip with a white flash of 100 ms and a 1 kHz beep of 50 ms at each whole second from 1 on
 * (left channel), and a steady tone (right channel). Every picture differs from every other.
 */
export async function makeFlashBeepClip(options: FlashBeepOptions): Promise<string> {
  const { path, seconds, framesPerSecond = 25, gopFrames = 50, bFrames = 3 } = options;
  const { sampleRateHz = 48_000, channels = 2, audio = true, video = true } = options;
  const every = options.everySeconds ?? 1;
  const codec = options.videoCodec ?? "libx264";
  const size = options.size ?? "320x180";
  const rate = `r=${framesPerSecond}:d=${seconds}`;
  const beep = `if(gte(t,0.99999)*lt(mod(t+0.000001,${every}),0.05),0.8*sin(2*PI*1000*t),0)`;
  const tone = `${steadyToneAmplitude}*sin(2*PI*${steadyToneHz}*t)`;
  const sound = channels === 1 ? `${beep}+${tone}` : `${beep}|${tone}`;
  const flash = `overlay=enable='gte(t,0.99)*lt(mod(t+0.0005,${every}),0.1)':format=yuv420`;
  const keys =
    codec === "libx264"
      ? [
          "-x264-params",
          `keyint=${gopFrames}:min-keyint=${gopFrames}:scenecut=0:bframes=${bFrames}`,
        ]
      : ["-x265-params", `keyint=${gopFrames}:bframes=${bFrames}:log-level=none`];
  await runFfmpeg([
    ...["-loglevel", "error"],
    ...["-f", "lavfi", "-i", `testsrc2=s=${size}:${rate},eq=brightness=-0.25:contrast=0.6`],
    ...["-f", "lavfi", "-i", `color=white:s=${size}:${rate}`],
    ...["-f", "lavfi", "-i", `aevalsrc='${sound}':s=${sampleRateHz}:d=${seconds}`],
    ...(video ? ["-filter_complex", `[0:v][1:v]${flash}[v]`, "-map", "[v]"] : []),
    ...(video
      ? ["-c:v", codec, "-preset", "veryfast", "-threads", "1", "-b:v", "300k", ...keys]
      : []),
    ...(audio ? ["-map", "2:a", "-c:a", "aac", "-b:a", "128k"] : []),
    path,
  ]);
  return path;
}

export interface FlashBeepTimes {
  /** Seconds by the container's stamps at which the picture turns white. */
  readonly flashes: number[];
  /** Seconds at which a beep sets in. */
  readonly beeps: number[];
}

/** Finds flashes and beeps in a recording by decoding it. */
export async function findFlashesAndBeeps(path: string): Promise<FlashBeepTimes> {
  const [flashes, beeps] = [await findFlashes(path), findBeeps(await decodeSound(path))];
  return { flashes, beeps };
}

/** For each flash the offset of its beep in milliseconds (positive: the beep comes later). */
export function offsetsMs({ flashes, beeps }: FlashBeepTimes): number[] {
  return flashes.flatMap((flash) => {
    const nearest = beeps.reduce(
      (best, beep) => (Math.abs(beep - flash) < Math.abs(best - flash) ? beep : best),
      Number.POSITIVE_INFINITY,
    );
    return Math.abs(nearest - flash) < 0.4 ? [(nearest - flash) * 1000] : [];
  });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/**
 * Interleaved stereo s16 samples at 48 kHz, from the container's stamp 0. Gaps in the stamps of 10 ms and more become
 * silence, as in a player: a gap left out would make all later sound seem early by its length.
 */
export async function decodeSound(path: string): Promise<Int16Array> {
  const { stdout } = await runFfmpeg([
    ...["-loglevel", "fatal", "-copyts", "-i", path, "-map", "0:a:0"],
    ...["-af", "aresample=48000:async=1:min_comp=0.00002:min_hard_comp=0.01:first_pts=0"],
    ...["-ac", "2"],
    ...["-f", "s16le", "pipe:1"],
  ]);
  return new Int16Array(stdout.buffer, stdout.byteOffset, stdout.byteLength >> 1);
}

/** Finds the flashes alone, by the container's stamps in seconds. */
export async function findFlashes(path: string): Promise<number[]> {
  const { stdout } = await runFfmpeg([
    ...[
      "-loglevel",
      "fatal",
      "-copyts",
      "-i",
      path,
      "-map",
      "0:v:0",
      "-fps_mode",
      "passthrough",
      "-vf",
    ],
    "scale=32:18,signalstats,metadata=mode=print:key=lavfi.signalstats.YAVG:file=-",
    ...["-f", "null", "-"],
  ]);
  const flashes: number[] = [];
  let wasWhite = false;
  const frames = new TextDecoder().decode(stdout).matchAll(/pts_time:(\S+)\s+\S*YAVG=(\S+)/g);
  for (const [, time, brightness] of frames) {
    const isWhite = Number(brightness) > 180;
    if (isWhite && !wasWhite) flashes.push(Number(time));
    wasWhite = isWhite;
  }
  return flashes;
}

/** Beeps are on the left channel, 18 dB above the steady tone; each begins after some silence. */
export class BeepFinder {
  /** Seconds at which a beep sets in. */
  readonly seconds: number[] = [];
  #lastLoud = Number.NEGATIVE_INFINITY;

  /** Takes interleaved stereo at 48 kHz, piece after piece. */
  hear(startSample: number, stereo: Int16Array): void {
    for (let n = 0; n < stereo.length / 2; n++) {
      if (Math.abs(stereo[2 * n]!) < beepLevel) continue;
      const at = startSample + n;
      if (at - this.#lastLoud > 4800) this.seconds.push(at / 48_000);
      this.#lastLoud = at;
    }
  }
}

function findBeeps(stereo: Int16Array): number[] {
  const finder = new BeepFinder();
  finder.hear(0, stereo);
  return finder.seconds;
}

/**
 * Where the steady tone jumps: a sine obeys x[n] = 2·cos(ω)·x[n−1] − x[n−2], so what deviates from it is
 * a jump. Judged on the channel that carries the tone alone.
 *
 * @returns seconds of the jumps found (AAC's own noise stays far below)
 */
export function findJumps(stereo: Int16Array, channel: 0 | 1 = 1): number[] {
  const amplitude = steadyToneAmplitude * 32768;
  const factor = 2 * Math.cos((2 * Math.PI * steadyToneHz) / 48_000);
  const jumps: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (let n = 2; n < stereo.length / 2; n++) {
    const at = (k: number) => stereo[2 * k + channel]!;
    const residual = Math.abs(at(n) - factor * at(n - 1) + at(n - 2));
    if (residual < amplitude * 0.08) continue;
    if (n - last > 2400) jumps.push(n / 48_000);
    last = n;
  }
  return jumps;
}

/** The longest stretch, in seconds, in which neither channel rises above −50 dBFS. */
export function longestSilence(stereo: Int16Array): number {
  const threshold = 32768 * 10 ** (-50 / 20);
  let longest = 0;
  let run = 0;
  for (let n = 0; n < stereo.length / 2; n++) {
    const loud = Math.max(Math.abs(stereo[2 * n]!), Math.abs(stereo[2 * n + 1]!)) > threshold;
    run = loud ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  return longest / 48_000;
}
