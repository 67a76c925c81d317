import { z } from "zod";
import type { SpokenSentence } from "./dub-quality.ts";

const sentence = z.union([
  z.object({ startMs: z.number(), endMs: z.number(), text: z.string() }),
  z
    .object({ start_ms: z.number(), end_ms: z.number(), text: z.string() })
    .transform(({ start_ms, end_ms, text }) => ({ startMs: start_ms, endMs: end_ms, text })),
]);
const timeline = z.object({ sentences: z.array(sentence).min(1) });

/** What is said in a clip and when, from the `CLIP.json` beside it. */
export async function readTimeline(clip: string): Promise<readonly SpokenSentence[]> {
  return timeline.parse(await Bun.file(clip.replace(/\.mp4$/, ".json")).json()).sentences;
}
