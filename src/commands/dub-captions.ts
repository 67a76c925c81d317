import { constants } from "node:fs";
import { access, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { captionUnitsOf } from "../captions/clause-captions.ts";
import { type CaptionUnit, layOutCues } from "../captions/cue-layout.ts";
import { subRip } from "../captions/sub-rip.ts";
import { webVtt } from "../captions/web-vtt.ts";
import type { ClauseReport } from "../protocol/clause-report.ts";
import { DubError } from "./dub-error.ts";

const writers = { vtt: webVtt, srt: subRip } as const;
type CaptionFormat = keyof typeof writers;

/** @throws {DubError} for anything but `vtt` and `srt` */
export function captionFormat(text: string): CaptionFormat {
  if (text === "vtt" || text === "srt") return text;
  throw new DubError("usage", `--captions-format ${text}: must be vtt or srt`);
}

/** Where captions of a language go: beside the output, `talk.mp4` → `talk.pt.vtt`, which players look for. */
export function captionPath(output: string, language: string, format: CaptionFormat): string {
  return join(dirname(output), `${basename(output, extname(output))}.${language}.${format}`);
}

/**
 * Makes sure, before any work is done, that captions can be written.
 * @throws {DubError} naming the path and what is in the way
 */
export async function assertCaptionsWritable(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const folder = dirname(path);
    await access(folder, constants.W_OK | constants.X_OK).catch((error: unknown) => {
      throw unwritable(path, error);
    });
    const there = await stat(path).catch(() => undefined);
    if (there?.isDirectory() === true) throw unwritable(path, new Error("a folder has that name"));
  }
}

interface CaptionRun {
  readonly output: string;
  readonly format: CaptionFormat;
  readonly sourceLanguage: string;
  readonly targetLanguages: readonly string[];
  readonly clauses: readonly ClauseReport[];
}

/**
 * Writes the captions of source and targets, each file whole or not at all.
 *
 * @returns a line for each file that was written
 * @throws {DubError} naming the path
 */
export async function writeCaptions(run: CaptionRun): Promise<string[]> {
  const languages = [...new Set([run.sourceLanguage, ...run.targetLanguages])];
  const units = new Map<string, CaptionUnit[]>(languages.map((language) => [language, []]));
  for (const clause of run.clauses)
    for (const { language, unit } of captionUnitsOf(clause, run.sourceLanguage))
      units.get(language)?.push(unit);
  const written: string[] = [];
  for (const [language, list] of units) {
    const path = captionPath(run.output, language, run.format);
    const cues = layOutCues(list);
    await writeWhole(path, writers[run.format](cues));
    const fast = cues.filter(({ tooFast }) => tooFast).length;
    const readers = fast === 0 ? "" : `, ${fast} of them faster than 17 characters a second`;
    written.push(`captions ${path}: ${cues.length} cues${readers}`);
  }
  return written;
}

async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw unwritable(path, error);
  }
}

function unwritable(path: string, error: unknown): DubError {
  const why = error instanceof Error ? error.message : String(error);
  return new DubError("output", `captions cannot be written to ${path}: ${why}`, error);
}
