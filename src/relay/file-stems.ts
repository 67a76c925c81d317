import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { toInt16 } from "../audio/pcm.ts";
import { WavFile } from "../audio/wav-file.ts";
import { streamSampleRateHz } from "../protocol/relay-worker.ts";
import type { MixedBlock } from "./block-mixer.ts";

const fullScale = 32768;

/**
 * The mix in its parts: `dub-<language>.wav` (mono) for each language, and `bed.wav` (stereo) with what
 * lies under the first language's dub, as loud as it is in the mix.
 */
export class FileStems implements AsyncDisposable {
  private constructor(
    private readonly dubs: readonly WavFile[],
    private readonly bed: WavFile | undefined,
  ) {}

  /** Creates the folder and files; without a folder nothing is ever written. */
  static async open(folder: string | undefined, languages: readonly string[]): Promise<FileStems> {
    if (folder === undefined) return new FileStems([], undefined);
    const unfit = languages.find((language) => !/^[A-Za-z0-9-]+$/.test(language));
    if (unfit !== undefined) throw new RangeError(`"${unfit}" is no language tag: it names a file`);
    await mkdir(folder, { recursive: true });
    const dubs = await Promise.all(
      languages.map((language) =>
        WavFile.create(join(folder, `dub-${language}.wav`), streamSampleRateHz, 1),
      ),
    );
    return new FileStems(
      dubs,
      await WavFile.create(join(folder, "bed.wav"), streamSampleRateHz, 2),
    );
  }

  /** The first `length` samples of one track's block. */
  async write(track: number, block: MixedBlock, length: number): Promise<void> {
    if (block.stems === undefined) return;
    await this.dubs[track]?.write(asSamples(block.stems.dub.subarray(0, length)));
    if (track === 0) await this.bed?.write(asSamples(block.stems.bed.subarray(0, length * 2)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.dubs.map((file) => file.close()));
    await this.bed?.close();
  }
}

function asSamples(part: Float32Array): Int16Array {
  return Int16Array.from(part, (sample) => toInt16(sample / fullScale));
}
