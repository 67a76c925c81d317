/** A program that the build put inside the executable, compressed with zstd. */
export interface EmbeddedTool {
  /** Path inside the executable, readable by `Bun.file`. */
  readonly path: string;
  /** Hex digest of the program itself, not of its compressed form. */
  readonly sha256: string;
  /** Size of the program itself. */
  readonly bytes: number;
}

/**
 * The programs inside this executable; none when running from source. The build replaces this module by
 * one that imports them as files.
 */
export const embeddedFiles: Readonly<Partial<Record<"ffmpeg" | "mediamtx", EmbeddedTool>>> = {};
