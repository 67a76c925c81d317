import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeFileAtomically } from "../../src/weights/atomic-write.ts";
import { cacheRoot, toolPath, type CacheEnvironment } from "../../src/weights/cache-paths.ts";
import { sha256OfFile } from "../../src/weights/sha256.ts";

/** Higher levels save 1 % and take eight times as long. */
const zstdLevel = 9;

/** A program in the form in which an executable carries it. */
export interface CompressedTool {
  /** Path of the zstd file. */
  readonly compressed: string;
  /** Hex digest of the program itself. */
  readonly sha256: string;
  /** Size of the program itself. */
  readonly bytes: number;
}

/**
 * Compresses the program that `FFMPEG_BIN` or `MEDIAMTX_BIN` names, else the cache's, into the cache; a
 * program compressed before is taken from there.
 * @throws when there is no such program, with the remedy
 */
export async function compressTool(
  name: "ffmpeg" | "mediamtx",
  env: CacheEnvironment,
): Promise<CompressedTool> {
  const source = env[`${name.toUpperCase()}_BIN`] || toolPath(env, name);
  const file = Bun.file(source);
  if (!(await file.exists()))
    throw new Error(`There is no ${name} at ${source}: run ./scripts/bootstrap`);
  const sha256 = await sha256OfFile(source);
  const compressed = join(
    cacheRoot(env),
    "build",
    `${name}-${sha256.slice(0, 16)}-${zstdLevel}.zst`,
  );
  if (!(await Bun.file(compressed).exists())) {
    await mkdir(dirname(compressed), { recursive: true });
    await writeFileAtomically(
      compressed,
      await Bun.zstdCompress(await file.bytes(), { level: zstdLevel }),
    );
  }
  return { compressed, sha256, bytes: file.size };
}
