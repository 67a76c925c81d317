import type { Cue } from "./cue-layout.ts";
import { clockTime } from "./web-vtt.ts";

/** A SubRip file. The format knows no escapes: an arrow that could be read as a timing line gets another form. */
export function subRip(cues: readonly Cue[]): string {
  return cues
    .map(({ startMs, endMs, lines }, index) => {
      const times = `${clockTime(startMs, ",")} --> ${clockTime(endMs, ",")}`;
      const text = lines.map((line) => line.replaceAll("-->", "→")).join("\n");
      return `${index + 1}\n${times}\n${text}\n`;
    })
    .join("\n");
}
