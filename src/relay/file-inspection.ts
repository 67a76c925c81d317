import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import {
  containerFor,
  extensionOf,
  inspectCommand,
  outputExtensions,
} from "../media/file-commands.ts";
import { NativeChild } from "../process/native-child.ts";
import { streamSampleRateHz } from "../protocol/relay-worker.ts";

/** A file that cannot be dubbed, or a place that cannot be written; `message` names it and the remedy. */
export class FileRelayError extends Error {
  override readonly name = "FileRelayError";
  constructor(
    readonly code:
      | "input-unreadable"
      | "input-without-audio"
      | "input-without-video"
      | "output-unsupported"
      | "output-unwritable"
      | "decode-failed"
      | "worker-ended"
      | "aborted",
    message: string,
  ) {
    super(message);
  }
}

export interface InspectedFile {
  /** Duration by the container, in seconds; undefined when it does not say. */
  readonly durationSeconds: number | undefined;
  /** The earliest stamp of all its tracks, on the grid of 48 kHz samples. */
  readonly startSample: number;
}

/**
 * Looks at an input before anything is spent on it.
 * @throws {FileRelayError} when it cannot be read or lacks sound or picture
 */
export async function inspectInput(ffmpegPath: string, input: string): Promise<InspectedFile> {
  const file = await stat(input).catch(() => undefined);
  if (file === undefined || !file.isFile()) {
    throw new FileRelayError("input-unreadable", `there is no file ${input}`);
  }
  const lines: string[] = [];
  const child = await NativeChild.start({
    name: "ffmpeg inspect",
    command: inspectCommand(ffmpegPath, input),
    onStderrLine: (line) => lines.length < 500 && lines.push(line),
  });
  await child.exited;
  const streams = lines.filter((line) => /^\s*Stream #0:/.test(line));
  if (streams.length === 0) {
    const reason = lines.at(-1) ?? "FFmpeg says nothing of it";
    throw new FileRelayError("input-unreadable", `${input} cannot be read: ${reason}`);
  }
  if (!streams.some((line) => line.includes(": Audio:"))) {
    throw new FileRelayError(
      "input-without-audio",
      `${input} has no sound: there is nothing to dub`,
    );
  }
  const isPicture = (line: string) => line.includes(": Video:") && !line.includes("(attached pic)");
  if (!streams.some(isPicture)) {
    throw new FileRelayError("input-without-video", `${input} has no picture: livedub dubs videos`);
  }
  return { durationSeconds: durationIn(lines), startSample: startIn(lines) };
}

/**
 * The container for an output, and a temporary name beside it.
 * @throws {FileRelayError} when the extension is unknown, takes too few tracks, or the folder is missing
 */
export async function inspectOutput(
  input: string,
  output: string,
  tracks: number,
): Promise<{ format: string; temporaryPath: string }> {
  const container = containerFor(output);
  if (container === undefined) {
    const known = outputExtensions.map((extension) => `.${extension}`).join(", ");
    throw new FileRelayError("output-unsupported", `${output}: the output must end in ${known}`);
  }
  if (tracks > container.tracks) {
    throw new FileRelayError(
      "output-unsupported",
      `${output}: ${container.format} takes one language, not ${tracks}; write an .mkv or .mp4`,
    );
  }
  if (resolve(input) === resolve(output)) {
    throw new FileRelayError("output-unwritable", "the output would overwrite the input");
  }
  const folder = await stat(dirname(resolve(output))).catch(() => undefined);
  if (folder === undefined || !folder.isDirectory()) {
    throw new FileRelayError("output-unwritable", `there is no folder ${dirname(resolve(output))}`);
  }
  const temporaryPath = `${output}.part-${process.pid}.${extensionOf(output)}`;
  return { format: container.format, temporaryPath };
}

function durationIn(lines: readonly string[]): number | undefined {
  for (const line of lines) {
    const [, hours, minutes, seconds] = /Duration: (\d+):(\d+):(\d+\.\d+)/.exec(line) ?? [];
    if (hours === undefined) continue;
    return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  }
  return undefined;
}

function startIn(lines: readonly string[]): number {
  for (const line of lines) {
    const start = /Duration: .*start: (-?\d+\.\d+)/.exec(line)?.[1];
    if (start !== undefined) return Math.round(Number(start) * streamSampleRateHz);
  }
  return 0;
}
