import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WeightFile } from "../../../src/weights/lock.ts";

/** A new folder that is removed when the test's scope ends. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "livedub-weights-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** The small files that the repository carries: a pull of these alone needs neither network nor Python. */
export function isCarried(file: WeightFile): boolean {
  return file.recipe === "carried";
}

export function sha256(content: string | Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(content).digest("hex");
}
