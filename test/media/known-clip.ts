import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { lowPassed } from "./clicks.ts";
import { decodeSound } from "./flash-beep.ts";
import { mixStems, readSound, siSdrDb, type Stems } from "./stems.ts";
import { runFfmpeg } from "./tools.ts";

/** A clip whose sound is known in its parts; `stems.mix` is what the clip itself holds, decoded. */
export interface KnownClip {
  readonly name: string;
  /** The video file. */
  readonly path: string;
  readonly stems: Stems;
  /** The file of each sentence of `stems.said`. */
  readonly files: readonly string[];
}

const timeline = z.object({
  sentences: z.array(z.object({ start_ms: z.number(), end_ms: z.number(), file: z.string() })),
});
const samplesPerMs = 48;
/** AAC leaves more than 25 dB of a clip; stems that were made by other tools lie elsewhere, and leave nothing. */
const leastSiSdrDb = 20;

/**
 * A shared clip with the stems that it was made of.
 *
 * @param media folder with `clips/`, or that folder itself
 * @param stems folder with `NAME/speech.wav` and `NAME/bed.wav`, as `make-clips.sh -s` leaves them
 * @throws when the stems are missing or are not this clip's
 */
export async function sharedClip(media: string, stems: string, name: string): Promise<KnownClip> {
  const clips = basename(media) === "clips" ? media : join(media, "clips");
  const path = join(clips, `${name}.mp4`);
  const { sentences } = timeline.parse(await Bun.file(join(clips, `${name}.json`)).json());
  const files = ["speech", "bed"].map((part) => join(stems, name, `${part}.wav`));
  const missing = [path, ...files].find((file) => !existsSync(file));
  if (missing !== undefined)
    throw new Error(
      `${missing} is not there: make the stems by ${clips}/make-clips.sh -s ${stems}`,
    );
  const [speech, bed] = (await Promise.all(files.map((file) => readSound(file, 2)))) as [
    Float32Array,
    Float32Array,
  ];
  const mix = new Int16Array(speech.length);
  mix.set((await decodeSound(path)).subarray(0, mix.length));
  const said = sentences.map(({ start_ms, end_ms }) => ({
    startSample: Math.round(start_ms * samplesPerMs),
    endSample: Math.round(end_ms * samplesPerMs),
  }));
  const sum = speech.map((sample, n) => sample + bed[n]!);
  const fit = Math.min(...said.map((one) => siSdrDb(mix, sum, [one])));
  if (fit < leastSiSdrDb)
    throw new Error(
      `${stems}/${name}: in one sentence the stems fit the clip by ${fit.toFixed(1)} dB, at least ${leastSiSdrDb}: ` +
        "they were made by other versions of FFmpeg or sox than the clip",
    );
  return {
    name,
    path,
    stems: { speech, bed, mix, said },
    files: sentences.map(({ file }) => file),
  };
}

/** The repository's own speech over its own music, with a test picture. @param folder where the clip is written */
export async function ownClip(folder: string): Promise<KnownClip> {
  const fixtures = join(dirname(import.meta.dir), "fixtures", "media");
  const sentences = [
    { file: join(fixtures, "speech", "LJ001-0002.flac"), startMs: 3000 },
    { file: join(fixtures, "speech", "jfk.flac"), startMs: 7000 },
  ];
  const durationMs = 22_000;
  const stems = await mixStems({
    ...{ sentences, bed: join(fixtures, "music.ogg"), snrDb: 10, durationMs },
  });
  const path = join(folder, "fixtures.mp4");
  await writeClip(path, stems.mix);
  return { name: "fixtures", path, stems, files: sentences.map(({ file }) => file) };
}

/** A clip's sound again and again, with nothing high in it. @param length in interleaved samples */
export async function lowPassedLoop(
  { stems: { mix } }: KnownClip,
  length: number,
): Promise<Int16Array> {
  const long = Int16Array.from({ length }, (_, n) => mix[n % mix.length]!);
  return Int16Array.from(await lowPassed(long, { rateHz: 48_000, channels: 2 }));
}

/** Writes a sound, interleaved stereo at 48 kHz, as a video file; the picture is `like`'s, or a test picture. */
export async function writeClip(path: string, sound: Int16Array, like?: string): Promise<void> {
  const raw = `${path}.s16le`;
  await Bun.write(raw, sound);
  const seconds = String(sound.length / 2 / 48_000);
  const picture =
    like === undefined
      ? ["-f", "lavfi", "-i", `testsrc2=s=320x180:r=30:d=${seconds}`]
      : ["-i", like];
  const coding = like === undefined ? ["libx264", "-preset", "veryfast", "-bf", "3"] : ["copy"];
  await runFfmpeg([
    ...["-v", "error", ...picture, "-f", "s16le", "-ar", "48000", "-ac", "2", "-i", raw],
    ...["-map", "0:v", "-map", "1:a", "-c:v", ...coding, "-c:a", "aac", "-b:a", "256k", path],
  ]);
  await Bun.file(raw).delete();
}
