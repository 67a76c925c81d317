import { open, type FileHandle } from "node:fs/promises";
import { maxWavDataBytes, wavHeader, wavHeaderBytes } from "./wav-bytes.ts";

/** Writes 16-bit PCM into a WAV file piece by piece; the sizes in its header are set at {@link close}. */
export class WavFile {
  #dataBytes = 0;

  private constructor(
    private readonly file: FileHandle,
    private readonly rateHz: number,
    private readonly channels: number,
  ) {}

  /** @throws when the file cannot be created */
  static async create(path: string, rateHz: number, channels: number): Promise<WavFile> {
    const file = await open(path, "w");
    const wav = new WavFile(file, rateHz, channels);
    await file.write(wavHeader(0, rateHz, channels), 0, wavHeaderBytes, 0);
    return wav;
  }

  /** Appends interleaved samples; what would exceed the format's 4 GiB is left out. */
  async write(samples: Int16Array): Promise<void> {
    if (this.#dataBytes + samples.byteLength > maxWavDataBytes) return;
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    await this.file.write(bytes, 0, bytes.length, wavHeaderBytes + this.#dataBytes);
    this.#dataBytes += bytes.length;
  }

  async close(): Promise<void> {
    await this.file.write(
      wavHeader(this.#dataBytes, this.rateHz, this.channels),
      0,
      wavHeaderBytes,
      0,
    );
    await this.file.close();
  }
}
