/**
 * How well a file is dubbed with the real models: recognises the dub stem again and holds it against the
 * text that was spoken and against the clip's timeline.
 *
 * usage: bun test/bench/dub-file.ts [CLIP.mp4…]
 *
 * Each clip has a timeline `CLIP.json` beside it (sentences with start_ms or startMs, end_ms or endMs, and
 * text). Without
 * arguments: the clips with speech under LIVEDUB_MEDIA_DIR, else the demo's clip.
 */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { DubReport } from "../../src/commands/dub-report.ts";
import { DubFolder, picturesOf, startDub } from "../integration/dub/dub-command.ts";
import { judgeDub, soundOf } from "../media/dub-quality.ts";
import { readTimeline } from "../media/timeline.ts";

async function measure(clip: string): Promise<Record<string, string>> {
  using folder = new DubFolder();
  const output = folder.file("dubbed.mp4");
  const { finished } = startDub([
    ...[clip, "-o", output, "--target", "pt"],
    ...["--report", folder.file("report.json"), "--stems", folder.file("stems")],
  ]);
  const { code, stderr } = await finished;
  if (code !== 0) throw new Error(`livedub dub ended with ${code}\n${stderr}`);
  const report = (await Bun.file(folder.file("report.json")).json()) as DubReport;
  const spoken = report.clauses.length > 0 ? report.clauses : report.fragments;
  const quality = await judgeDub({
    stem: await soundOf(folder.file("stems/dub-pt.wav")),
    source: "en",
    target: "pt",
    sentences: await readTimeline(clip),
    pieces: spoken.flatMap(({ translatedText, dubStartMs, dubEndMs }) =>
      dubStartMs === null || dubEndMs === null ? [] : [{ translatedText, dubStartMs, dubEndMs }],
    ),
  });
  const recalls = quality.sentences.map(({ recall }) => recall);
  const dubbed = spoken.filter(({ dubStartMs }) => dubStartMs !== null).length;
  return {
    clip: basename(clip),
    "pictures identical": String((await picturesOf(output)) === (await picturesOf(clip))),
    dubbed: `${dubbed} of ${spoken.length}`,
    "CER (bar 15 %)": `${(100 * quality.characterErrorRate).toFixed(1)} %`,
    "lowest sentence (bar 0.5)": Math.min(...recalls).toFixed(2),
    "real-time factor": String(report.totals.realTimeFactor),
  };
}

const media = process.env["LIVEDUB_MEDIA_DIR"];
const shared = ["news-60s", "match-60s"].map((name) => join(media ?? "", "clips", `${name}.mp4`));
const demo = join(import.meta.dir, "..", "fixtures", "media", "news.mp4");
const named = process.argv.slice(2);
const clips = named.length > 0 ? named : media ? shared.filter((clip) => existsSync(clip)) : [demo];
if (clips.length === 0) throw new Error(`LIVEDUB_MEDIA_DIR=${media}: has no clips/news-60s.mp4`);
const rows: Record<string, string>[] = [];
for (const clip of clips) rows.push(await measure(clip));
console.table(rows);
