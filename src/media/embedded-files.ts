/** A file that the build put inside the executable, compressed with zstd. */
export interface EmbeddedFile {
  /** Path inside the executable, readable by `Bun.file`. */
  readonly path: string;
  /** Hex digest of the file itself, not of its compressed form. */
  readonly sha256: string;
  /** Size of the file itself. */
  readonly bytes: number;
}

/**
 * What the edge carries: two programs, the weights of its voice activity detector, and of the separation
 * nets that were there when it was built (`gtcrn.wasm` always is).
 */
export type EmbeddedName =
  | "ffmpeg"
  | "mediamtx"
  | "silero_vad_v6.onnx"
  | "gtcrn.wasm"
  | "gtcrn_simple.onnx"
  | "dtln-model_1.onnx"
  | "dtln-model_2.onnx"
  | "dfn3-enc.onnx"
  | "dfn3-erb_dec.onnx"
  | "dfn3-df_dec.onnx";

/**
 * The files inside this executable; none when running from source. The build replaces this module by
 * one that imports them.
 */
export const embeddedFiles: Readonly<Partial<Record<EmbeddedName, EmbeddedFile>>> = {};
