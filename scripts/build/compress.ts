import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeFileAtomically } from "../../src/weights/atomic-write.ts";
import { cacheRoot, type CacheEnvironment } from "../../src/weights/cache-paths.ts";
import { sha256OfFile } from "../../src/weights/sha256.ts";

/** Higher levels save 1 % and take eight times as long. */
const zstdLevel = 9;

/** A file in the form in which an executable carries it. */
export interface CompressedFile {
  /** Path of the zstd file. */
  readonly compressed: string;
  /** Hex digest of the file itself. */
  readonly sha256: string;
  /** Size of the file itself. */
  readonly bytes: number;
}

/**
 * Compresses a file into the cache; one that was compressed before is taken from there.
 * @param name how the compressed file is called
 * @throws when there is no such file, with the remedy
 */
export async function compressForEmbedding(
  name: string,
  source: string,
  env: CacheEnvironment,
): Promise<CompressedFile> {
  const file = Bun.file(source);
  if (!(await file.exists())) throw new Error(`There is no ${source}: run ./scripts/bootstrap`);
  const sha256 = await sha256OfFile(source);
  const compressed = join(
    cacheRoot(env),
    "build",
    `${name}-${sha256.slice(0, 16)}-${zstdLevel}.zst`,
  );
  if (!(await Bun.file(compressed).exists())) {
    await mkdir(dirname(compressed), { recursive: true });
    const content = await Bun.zstdCompress(await file.bytes(), { level: zstdLevel });
    await writeFileAtomically(compressed, content);
  }
  return { compressed, sha256, bytes: file.size };
}
