/** A file that the build put inside the executable, compressed with zstd. */
export interface EmbeddedFile {
  /** Path inside the executable, readable by `Bun.file`. */
  readonly path: string;
  /** Hex digest of the file itself, not of its compressed form. */
  readonly sha256: string;
  /** Size of the file itself. */
  readonly bytes: number;
}

/** What the edge carries: two programs, and the weights of its voice activity detector. */
export type EmbeddedName = "ffmpeg" | "mediamtx" | "silero_vad_v6.onnx";

/**
 * The files inside this executable; none when running from source. The build replaces this module by
 * one that imports them.
 */
export const embeddedFiles: Readonly<Partial<Record<EmbeddedName, EmbeddedFile>>> = {};
