import { resolveFfmpeg } from "../../src/media/ffmpeg-binary.ts";

/** A sound in its known parts: interleaved stereo at 48 kHz in 16-bit scale, mix = speech + bed. */
export interface Stems {
  readonly speech: Float32Array;
  readonly bed: Float32Array;
  readonly mix: Int16Array;
  /** Where words are said, in samples. */
  readonly said: readonly { readonly startSample: number; readonly endSample: number }[];
}

const rateHz = 48_000;
const fullScale = 32_768;
/** RMS of the speech while it speaks, in dBFS. */
const speechDbfs = -23;

/** Any media file's sound at 48 kHz in 16-bit scale, its channels interleaved. */
export async function readSound(path: string, channels: 1 | 2): Promise<Float32Array> {
  return (await decodeSound(path, channels)).map((sample) => sample * fullScale);
}

/** Any media file's sound at 48 kHz, -1..1, its channels interleaved. */
async function decodeSound(path: string, channels: 1 | 2): Promise<Float32Array> {
  const ffmpeg = await resolveFfmpeg(process.env);
  const child = Bun.spawn(
    [
      ...[ffmpeg.path, "-v", "error", "-i", path, "-map", "0:a:0", "-ac", String(channels)],
      ...["-ar", String(rateHz), "-f", "f32le", "-"],
    ],
    { stdout: "pipe", stderr: "pipe" },
  );
  const [bytes, complaint] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`${path}: ${complaint}`);
  return new Float32Array(bytes.slice().buffer);
}

/**
 * Lays sentences over a bed.
 *
 * @param sentences mono files, each with the place of its first sound
 * @param snrDb RMS of the speech over the RMS of the bed, which is repeated to the length wanted
 */
export async function mixStems(options: {
  readonly sentences: readonly { readonly file: string; readonly startMs: number }[];
  readonly bed: string;
  readonly snrDb: number;
  readonly durationMs: number;
}): Promise<Stems> {
  const count = Math.round((options.durationMs * rateHz) / 1000);
  const speech = new Float32Array(2 * count);
  const said: { startSample: number; endSample: number }[] = [];
  for (const { file, startMs } of options.sentences) {
    const voice = trimmed(await decodeSound(file, 1));
    const startSample = Math.round((startMs * rateHz) / 1000);
    const gain = fromDb(speechDbfs) / rms(voice);
    const length = Math.min(voice.length, count - startSample);
    for (let n = 0; n < length; n++) {
      speech[2 * (startSample + n)] = voice[n]! * gain * fullScale;
      speech[2 * (startSample + n) + 1] = voice[n]! * gain * fullScale;
    }
    said.push({ startSample, endSample: startSample + length });
  }
  const music = await decodeSound(options.bed, 2);
  const gain = (fromDb(speechDbfs - options.snrDb) / rms(music)) * fullScale;
  const bed = Float32Array.from({ length: 2 * count }, (_, n) => music[n % music.length]! * gain);
  const mix = Int16Array.from(bed, (sample, n) =>
    Math.max(-32_768, Math.min(32_767, Math.round(sample + speech[n]!))),
  );
  return { speech, bed, mix, said };
}

/** How much of `part` is in `whole` over some stretches, in dB: the projection's share. */
export function projectionDb(
  whole: ArrayLike<number>,
  part: ArrayLike<number>,
  stretches: Stems["said"],
): number {
  let product = 0;
  let power = 0;
  overStretches(stretches, (at) => {
    product += whole[at]! * part[at]!;
    power += part[at]! * part[at]!;
  });
  return toDb((product / power) ** 2);
}

/** The power of `a` over that of `b` over some stretches, in dB. */
export function levelDb(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  stretches: Stems["said"],
): number {
  let powerA = 0;
  let powerB = 0;
  overStretches(stretches, (at) => {
    powerA += a[at]! ** 2;
    powerB += b[at]! ** 2;
  });
  return toDb(powerA / powerB);
}

/** Scale-invariant signal-to-distortion ratio of an estimate over some stretches, in dB (Le Roux, 2019). */
export function siSdrDb(
  estimate: ArrayLike<number>,
  wanted: ArrayLike<number>,
  stretches: Stems["said"],
): number {
  let product = 0;
  let power = 0;
  overStretches(stretches, (at) => {
    product += estimate[at]! * wanted[at]!;
    power += wanted[at]! ** 2;
  });
  const scale = product / power;
  let error = 0;
  overStretches(stretches, (at) => (error += (estimate[at]! - scale * wanted[at]!) ** 2));
  return toDb((scale * scale * power) / error);
}

/** The stretches between, before and after the words, less a margin at each end. */
export function pausesOf({ said, mix }: Stems, marginMs: number): Stems["said"] {
  const margin = (marginMs * rateHz) / 1000;
  const edges = [
    { endSample: 0 },
    ...said,
    { startSample: mix.length / 2, endSample: 0 },
  ] as readonly { startSample?: number; endSample: number }[];
  return edges.slice(1).flatMap(({ startSample = 0 }, index) => {
    const from = edges[index]!.endSample + margin;
    const to = startSample - margin;
    return to > from ? [{ startSample: from, endSample: to }] : [];
  });
}

function overStretches(stretches: Stems["said"], visit: (at: number) => void): void {
  for (const { startSample, endSample } of stretches)
    for (let at = 2 * startSample; at < 2 * endSample; at++) visit(at);
}

/** Without the quiet before the first sound and after the last (1 % of the peak). */
function trimmed(voice: Float32Array): Float32Array {
  const peak = voice.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  const sounds = (sample: number) => Math.abs(sample) > peak / 100;
  return voice.subarray(voice.findIndex(sounds), voice.findLastIndex(sounds) + 1);
}

function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

function fromDb(decibels: number): number {
  return 10 ** (decibels / 20);
}

function toDb(power: number): number {
  return 10 * Math.log10(power);
}
