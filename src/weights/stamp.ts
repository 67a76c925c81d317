import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomically } from "./atomic-write.ts";

const stampEntrySchema = z.object({
  bytes: z.number(),
  /** Modification time in nanoseconds, as a string: it is larger than a number holds exactly. */
  mtimeNs: z.string(),
  sha256: z.string(),
});
const stampSchema = z.record(z.string(), stampEntrySchema);

/** The state in which a file was when its hash was last found right. */
export type StampEntry = z.infer<typeof stampEntrySchema>;
export type Stamp = Readonly<Record<string, StampEntry>>;

const stampName = ".verified.json";

/** Reads what is known to be verified in a models folder; nothing, where the stamp is absent or unreadable. */
export async function readStamp(dir: string): Promise<Stamp> {
  const content: unknown = await Bun.file(join(dir, stampName))
    .json()
    .catch(() => undefined);
  const parsed = stampSchema.safeParse(content);
  return parsed.success ? parsed.data : {};
}

/** Writes the stamp; a folder that cannot be written is simply hashed again next time. */
export async function writeStamp(dir: string, stamp: Stamp): Promise<void> {
  await writeFileAtomically(join(dir, stampName), JSON.stringify(stamp)).catch(() => undefined);
}
