import { open, type FileHandle } from "node:fs/promises";

const headerBytes = 44;
const maxDataBytes = 0xffffffff - headerBytes;

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
    await file.write(wav.#header(), 0, headerBytes, 0);
    return wav;
  }

  /** Appends interleaved samples; what would exceed the format's 4 GiB is left out. */
  async write(samples: Int16Array): Promise<void> {
    if (this.#dataBytes + samples.byteLength > maxDataBytes) return;
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    await this.file.write(bytes, 0, bytes.length, headerBytes + this.#dataBytes);
    this.#dataBytes += bytes.length;
  }

  async close(): Promise<void> {
    await this.file.write(this.#header(), 0, headerBytes, 0);
    await this.file.close();
  }

  #header(): Uint8Array {
    const header = new Uint8Array(headerBytes);
    const view = new DataView(header.buffer);
    const text = (at: number, word: string) => header.set(new TextEncoder().encode(word), at);
    const frameBytes = this.channels * 2;
    text(0, "RIFF");
    view.setUint32(4, headerBytes - 8 + this.#dataBytes, true);
    text(8, "WAVEfmt ");
    view.setUint32(16, 16, true);
    view.setUint16(20, 1, true); // PCM
    view.setUint16(22, this.channels, true);
    view.setUint32(24, this.rateHz, true);
    view.setUint32(28, this.rateHz * frameBytes, true);
    view.setUint16(32, frameBytes, true);
    view.setUint16(34, 16, true);
    text(36, "data");
    view.setUint32(40, this.#dataBytes, true);
    return header;
  }
}
