import { readFileSync } from "node:fs";
import type { z } from "zod";

/** A file of the weight store that is missing or not what it should be; the message names it and the remedy. */
export class ModelFileError extends Error {
  override readonly name = "ModelFileError";
  constructor(
    readonly path: string,
    problem: string,
    cause?: unknown,
  ) {
    super(
      `model file ${path}: ${problem}. ` +
        "`livedub-sts models verify` shows what differs, `livedub-sts models pull` fetches it anew",
      cause === undefined ? undefined : { cause },
    );
  }
}

/** Reads a binary model file. @throws {ModelFileError} */
function readModelFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ModelFileError(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Reads a JSON file of a model and checks its shape. @throws {ModelFileError} */
export function readModelJson<Content>(path: string, schema: z.ZodType<Content>): Content {
  const text = new TextDecoder().decode(readModelFile(path));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ModelFileError(path, "it is not JSON (truncated?)", cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success)
    throw new ModelFileError(path, `it lacks what is needed: ${parsed.error.issues[0]?.message}`);
  return parsed.data;
}

/** Little-endian float32 values of a binary model file. @throws {ModelFileError} when it is cut off */
export function readModelFloats(path: string): Float32Array {
  const bytes = readModelFile(path);
  if (bytes.byteLength === 0 || bytes.byteLength % 4 !== 0)
    throw new ModelFileError(
      path,
      `${bytes.byteLength} bytes are no whole count of float32 values`,
    );
  return new Float32Array(new Uint8Array(bytes).buffer);
}
