/** A native library that the build put inside the executable. */
export interface EmbeddedLibrary {
  /** Path inside the executable, readable by `Bun.file`. */
  readonly path: string;
  /** Hex digest of its bytes; names the folder it is extracted to. */
  readonly sha256: string;
}

/**
 * ONNX Runtime's shared library inside this executable, absent when running from source (there the
 * package's own copy stands beside its binding). The build replaces this module by one that imports
 * the library as a file.
 */
export const embeddedOnnxLibrary: EmbeddedLibrary | undefined = undefined;
