import { z } from "zod";
import bundledLock from "./models.lock.json";
import { WeightsError } from "./weights-error.ts";

/** A path inside the models folder: relative, with `/`, without `.` or `..` as a part. */
const relativePath = z
  .string()
  .max(512)
  .regex(
    /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/,
    "not a plain relative path",
  );

const httpUrl = z.url({ protocol: /^https?$/, error: "only http and https addresses are fetched" });

/** The recipes by which files are made from published packages (see recipes.ts). */
export const recipeNames = [
  "carried",
  "whisper-base",
  "whisper-tokenizer",
  "bergamot-en-pt",
  "bergamot-pt-en",
  "kokoro",
  "kokoro-voices",
  "silero-vad",
] as const;

const weightFileSchema = z
  .object({
    path: relativePath,
    /** Exact size in bytes. */
    bytes: z.int().nonnegative(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, "not 64 lower-case hexadecimal digits"),
    /** SPDX expression or the licence's usual name. */
    licence: z.string().min(1),
    task: z.enum(["asr", "mt", "tts", "vad", "separation"]),
    /** The engine that reads the file, e.g. `whisper`, `marian`, `kokoro`, `silero`. */
    engine: z.string().min(1),
    /** How the file was made, in words. */
    source: z.string().min(1),
    recipe: z.enum(recipeNames).optional(),
    url: httpUrl.optional(),
  })
  .refine((file) => (file.recipe === undefined) !== (file.url === undefined), {
    error: "a file has either a recipe or a url",
  });

const lockSchema = z
  .object({ version: z.literal(1), files: z.array(weightFileSchema).max(10_000) })
  .refine((lock) => new Set(lock.files.map((file) => file.path)).size === lock.files.length, {
    error: "a path stands twice in the lock file",
  });

/** One file of weights, as the lock file names it. */
export type WeightFile = z.infer<typeof weightFileSchema>;
export type WeightsLock = z.infer<typeof lockSchema>;
export type RecipeName = (typeof recipeNames)[number];

/** The name of a user's own lock file inside the models folder: further exports, each with its `url`. */
export const extraLockName = "extra.lock.json";

/**
 * Parses a lock file's content.
 * @param origin the file's name, for the message
 * @throws WeightsError (blame `caller`) naming the first faulty field
 */
export function parseLock(content: unknown, origin: string): WeightsLock {
  const parsed = lockSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join(".") || "the file";
  throw new WeightsError(`${origin}: ${place}: ${issue?.message ?? "not a lock file"}`, {
    blame: "caller",
    retryable: false,
    remedy: "Correct that entry; src/weights/models.lock.json shows the format.",
  });
}

let parsedBundledLock: WeightsLock | undefined;

/** The lock file that this build carries: every file of weights the product needs. */
export function productLock(): WeightsLock {
  parsedBundledLock ??= parseLock(bundledLock, "models.lock.json");
  return parsedBundledLock;
}

/**
 * The product's files, followed by those of the folder's own `extra.lock.json` where there is one.
 * @throws WeightsError if that file cannot be parsed, or names a path of the product's
 */
export async function lockedFiles(dir: string): Promise<readonly WeightFile[]> {
  const own = productLock().files;
  const file = Bun.file(`${dir}/${extraLockName}`);
  if (!(await file.exists())) return own;
  let content: unknown;
  try {
    content = await file.json();
  } catch (cause) {
    throw new WeightsError(`${extraLockName} in ${dir} is not JSON`, {
      blame: "caller",
      retryable: false,
      remedy: "Correct or remove it.",
      cause,
    });
  }
  const extra = parseLock(content, `${dir}/${extraLockName}`).files;
  const taken = new Set(own.map((entry) => entry.path));
  const clash = extra.find((entry) => taken.has(entry.path) || entry.recipe !== undefined);
  if (clash) {
    throw new WeightsError(`${dir}/${extraLockName}: ${clash.path} belongs to the product`, {
      blame: "caller",
      retryable: false,
      remedy: "Give it another path and a url.",
    });
  }
  return [...own, ...extra];
}
