import { z } from "zod";

const place = { startSample: z.number(), endSample: z.number() };

/**
 * One clause at its end, or one fragment where the sidecar works fragment by fragment: what captions are made of.
 * All times are stream time in samples.
 */
export const clauseReport = z.object({
  type: z.literal("clause"),
  clauseId: z.string(),
  /** Where the source's words are said. */
  ...place,
  sourceText: z.string(),
  /** Where each of the source's words lies, where the sidecar tells. */
  words: z.array(z.object({ word: z.string(), ...place })).optional(),
  /** The text in each target language and where its dub sounds; at the source's place where none does. */
  targets: z.array(
    z.object({
      language: z.string(),
      text: z.string(),
      ...place,
      /** False: it was never heard. */
      dubbed: z.boolean().optional(),
    }),
  ),
});
export type ClauseReport = z.infer<typeof clauseReport>;
