/** Hashes a file as a stream; `onBytes` gets the size of each piece. Returns lower-case hexadecimal. */
export async function sha256OfFile(
  path: string,
  onBytes?: (bytes: number) => void,
): Promise<string> {
  return digestOfFile(path, "sha256", "hex", onBytes);
}

/** Hashes a file as a stream with the given algorithm and encoding. */
export async function digestOfFile(
  path: string,
  algorithm: "sha256" | "sha512",
  encoding: "hex" | "base64",
  onBytes?: (bytes: number) => void,
): Promise<string> {
  const hasher = new Bun.CryptoHasher(algorithm);
  for await (const piece of Bun.file(path).stream()) {
    hasher.update(piece);
    onBytes?.(piece.byteLength);
  }
  return hasher.digest(encoding);
}
