import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { FragmentAudio } from "../session/fragment-processor.ts";
import { assetIds, lineageOf, type AnsweredFragment } from "./lineage.ts";
import { safeName } from "./safe-name.ts";

/** Folders that are being written begin like this; what is left of them after a crash is litter. */
export const unfinishedPrefix = ".unfinished-";
/** Only files of these names are ever deleted by the retention. */
export const artefactName =
  /^(original_audio\.m4a|transcript\.txt|translation(\.[A-Za-z0-9%_-]+)?\.txt|dubbed_audio(\.[A-Za-z0-9%_-]+)?\.m4a|metadata\.json|lineage\.json)$/;

export interface FragmentFilesOptions {
  readonly root: string;
  readonly toM4a: (audio: FragmentAudio) => Promise<Uint8Array>;
  /** A sound that could not be written as m4a: the other files are. */
  readonly onUnreadable: (error: unknown) => void;
}

/**
 * Writes the files of one answered fragment (contract 8.2) so that its folder appears whole: the two sounds, the two
 * texts (further languages beside them), `metadata.json`, and `lineage.json` with the full records.
 *
 * @throws what the file system says
 */
export async function writeFragmentFiles(
  fragment: AnsweredFragment,
  options: FragmentFilesOptions,
): Promise<void> {
  const { job } = fragment;
  const streamDir = join(options.root, safeName(job.streamId));
  const finalDir = join(streamDir, safeName(job.fragmentId));
  const workDir = join(streamDir, unfinishedPrefix + crypto.randomUUID());
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  try {
    for await (const [name, content] of filesOf(fragment, finalDir, options))
      await writeFile(join(workDir, name), content, { mode: 0o600, flag: "wx" });
    await replace(workDir, finalDir);
  } catch (error) {
    await rm(workDir, { recursive: true, force: true });
    throw error;
  }
}

/** A fragment that was answered before under this name gives way: a stream may begin anew. */
async function replace(workDir: string, finalDir: string): Promise<void> {
  try {
    await rename(workDir, finalDir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
    await rm(finalDir, { recursive: true, force: true });
    await rename(workDir, finalDir);
  }
}

async function* filesOf(
  fragment: AnsweredFragment,
  finalDir: string,
  options: FragmentFilesOptions,
): AsyncGenerator<readonly [name: string, content: string | Uint8Array]> {
  const { job, result } = fragment;
  if (job.speech) yield* sound("original_audio.m4a", job.audio, options);
  if ("outcome" in result) {
    const { outcome } = result;
    yield ["transcript.txt", outcome.transcript];
    yield ["translation.txt", outcome.translatedText];
    yield* sound("dubbed_audio.m4a", outcome.audio, options);
    for (const [language, track] of outcome.tracks ?? []) {
      yield [`translation.${safeName(language)}.txt`, track.translatedText];
      yield* sound(dubbedName(language), track.audio, options);
    }
  }
  const refOf = (language: string | undefined) =>
    pathToFileURL(join(finalDir, dubbedName(language))).href;
  yield ["lineage.json", asJson(lineageOf(fragment, refOf))];
  yield ["metadata.json", asJson(metadataOf(fragment))];
}

async function* sound(
  name: string,
  audio: FragmentAudio,
  options: FragmentFilesOptions,
): AsyncGenerator<readonly [name: string, content: Uint8Array]> {
  try {
    yield [name, await options.toM4a(audio)];
  } catch (error) {
    options.onUnreadable(error);
  }
}

function dubbedName(language: string | undefined): string {
  return language === undefined ? "dubbed_audio.m4a" : `dubbed_audio.${safeName(language)}.m4a`;
}

function metadataOf({ job, result, processingMs, answeredAt }: AnsweredFragment) {
  const ids = assetIds(job);
  const timings = "outcome" in result ? result.outcome.stageTimings : undefined;
  return {
    fragment_id: job.fragmentId,
    stream_id: job.streamId,
    status: "outcome" in result ? result.outcome.status : "failed",
    processing_time_ms: Math.max(0, Math.round(processingMs)),
    stage_timings: {
      asr_ms: Math.round(timings?.asrMs ?? 0),
      translation_ms: Math.round(timings?.translationMs ?? 0),
      tts_ms: Math.round(timings?.ttsMs ?? 0),
    },
    timestamp: answeredAt.toISOString(),
    asset_lineage: {
      transcript_asset_id: ids.transcript,
      translation_asset_id: ids.translation,
      audio_asset_id: ids.audio,
    },
    ...("failure" in result && {
      error: {
        code: result.failure.code,
        message: result.failure.message,
        stage: result.failure.stage,
        retryable: result.failure.retryable,
      },
    }),
  };
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
