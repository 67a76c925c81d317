import { createHash } from "node:crypto";
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheRoot } from "../weights/cache-paths.ts";
import type { EmbeddedLibrary } from "./embedded-library.ts";

/** The name the binding asks the loader for (its `DT_NEEDED`). */
const libraryName = "libonnxruntime.so.1";

/**
 * Makes an embedded ONNX Runtime available to the dynamic loader: extracts it once, by hash, into the
 * cache and opens it globally, so that the binding finds it by name. `LIVEDUB_ONNX_LIBRARY` names
 * another copy instead (a build with CUDA: its provider libraries are looked for beside it).
 *
 * @throws when the file cannot be written or opened; the message names the file
 */
export async function prepareNativeLibrary(embedded: EmbeddedLibrary | undefined): Promise<void> {
  await forbidTelemetry();
  const override = process.env["LIVEDUB_ONNX_LIBRARY"];
  if (override) return openGlobally(override);
  if (embedded === undefined) return;
  await openGlobally(await extractOnce(embedded));
}

/**
 * ONNX Runtime reports its use to its maker unless the environment says no; what an operator dubs is
 * nobody's business. It asks libc, which does not see what is written to `process.env`.
 */
async function forbidTelemetry(): Promise<void> {
  const { dlopen } = await import("bun:ffi");
  const libc = dlopen("libc.so.6", {
    setenv: { args: ["cstring", "cstring", "int"], returns: "int" },
  });
  const text = (value: string) => Buffer.from(`${value}\0`);
  libc.symbols.setenv(text("ORT_DISABLE_TELEMETRY"), text("1"), 1);
}

async function extractOnce(embedded: EmbeddedLibrary): Promise<string> {
  const folder = join(cacheRoot(process.env), "native", embedded.sha256.slice(0, 16));
  const path = join(folder, libraryName);
  const bytes = new Uint8Array(await Bun.file(embedded.path).arrayBuffer());
  if (statSync(path, { throwIfNoEntry: false })?.size === bytes.byteLength) return path;
  const digest = createHash("sha256").update(bytes).digest("hex");
  if (digest !== embedded.sha256)
    throw new Error(
      `the embedded ${libraryName} is damaged: this executable must be fetched again`,
    );
  const partial = `${path}.${process.pid}.part`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(partial, bytes, { mode: 0o600 });
    renameSync(partial, path); // whole or not there: several children extract at once
  } catch (cause) {
    rmSync(partial, { force: true });
    throw new Error(
      `cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}. ` +
        "Free some space, or name another folder with LIVEDUB_CACHE_DIR",
      { cause },
    );
  }
  return path;
}

async function openGlobally(path: string): Promise<void> {
  // Once it is open, the loader gives it to everyone who asks for its SONAME.
  const { dlopen } = await import("bun:ffi");
  dlopen(path, { OrtGetApiBase: { args: [], returns: "ptr" } });
}
