import { asBytes } from "../../src/audio/pcm.ts";
import { ffmpegPath } from "./tools.ts";

/** Integrated loudness (LUFS) and true peak (dBTP) of stereo s16 at 48 kHz, by FFmpeg's `ebur128`. */
export async function ebur128(pcm: Int16Array): Promise<{ lufs: number; truePeak: number }> {
  const child = Bun.spawn(
    [
      ...[await ffmpegPath(), "-nostdin", "-hide_banner", "-f", "s16le", "-ar", "48000"],
      ...["-ac", "2", "-i", "pipe:0", "-af", "ebur128=peak=true", "-f", "null", "-"],
    ],
    { stdin: new Blob([asBytes(pcm).slice()]), stdout: "ignore", stderr: "pipe" },
  );
  const said = await child.stderr.text();
  const summary = said.slice(said.lastIndexOf("Summary:"));
  const figure = (pattern: RegExp) => Number(pattern.exec(summary)?.[1]);
  return { lufs: figure(/I:\s+(-?[\d.]+) LUFS/), truePeak: figure(/Peak:\s+(-?[\d.]+) dBFS/) };
}
