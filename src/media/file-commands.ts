import { soundCoding, words } from "./live-commands.ts";
import { stampedPcmOptions } from "./stamped-pcm.ts";
import { languageName, trackLanguage } from "./track-language.ts";

/**
 * Command lines for pacing `file`: one FFmpeg decodes the sound, another muxes the untouched picture with
 * the mixed sound. Both read the same input with its own stamps (`-copyts`) and count from the same start:
 * left to itself FFmpeg would count each from the tracks that it happens to use.
 */

/** The pipe on which the decoder gives stereo s16le at 48 kHz, with its stamps; the muxer's first one too. */
export const fileSoundPipe = 3;

/** Containers by file extension, as FFmpeg names them, and how many sound tracks each takes. */
const containers: Readonly<Record<string, { readonly format: string; readonly tracks: number }>> = {
  mp4: { format: "mp4", tracks: Number.POSITIVE_INFINITY },
  m4v: { format: "mp4", tracks: Number.POSITIVE_INFINITY },
  mov: { format: "mov", tracks: Number.POSITIVE_INFINITY },
  mkv: { format: "matroska", tracks: Number.POSITIVE_INFINITY },
  ts: { format: "mpegts", tracks: Number.POSITIVE_INFINITY },
  flv: { format: "flv", tracks: 1 },
};

/** Extension of a path in lower case, without the dot. */
export function extensionOf(path: string): string {
  return /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
}

/** The container for an output path; undefined when livedub does not write it. */
export function containerFor(path: string): { format: string; tracks: number } | undefined {
  return containers[extensionOf(path)];
}

/** Extensions that {@link containerFor} knows. */
export const outputExtensions = Object.keys(containers);

/** Lists what an input holds, on stderr; it ends with an error, as no output is asked for. */
export function inspectCommand(ffmpeg: string, input: string): string[] {
  return [ffmpeg, ...words("-hide_banner -nostdin -i"), asFile(input)];
}

/** Decodes the first sound track, with the container's own stamps. */
export function decodeSoundCommand(ffmpeg: string, input: string): string[] {
  return [
    ffmpeg,
    ...words("-hide_banner -loglevel error -nostdin -copyts -i"),
    asFile(input),
    ...stampedPcmOptions(fileSoundPipe),
  ];
}

/**
 * Copies the picture and encodes one sound track per language, whose PCM comes over pipes 3, 4, …
 * Subtitles are kept where the output is of the input's own kind.
 */
export function muxCommand(
  ffmpeg: string,
  input: string,
  output: { readonly path: string; readonly format: string },
  languages: readonly string[],
  options: { readonly startSample: number; readonly keepSubtitles: boolean },
): string[] {
  const { startSample } = options;
  const sources = languages.flatMap((_, track) =>
    words(`-thread_queue_size 64 -f s16le -ar 48000 -ac 2 -i pipe:${fileSoundPipe + track}`),
  );
  const tracks = languages.flatMap((language, track) => [
    ...words(`-map ${track + 1}:a:0 -filter:a:${track} asetpts=N+${startSample}`),
    ...metadataOf(track, "language", trackLanguage(language)),
    // Of several players show the name that they know: MP4 has the one, Matroska the other.
    ...metadataOf(track, "handler_name", languageName(language)),
    ...metadataOf(track, "title", languageName(language)),
  ]);
  return [
    ffmpeg,
    ...words("-hide_banner -loglevel error -nostdin -y -copyts -i"),
    asFile(input),
    ...sources,
    ...words("-map 0:V:0"),
    ...tracks,
    ...(options.keepSubtitles ? words("-map 0:s? -c:s copy") : []),
    ...words("-c:v copy"),
    ...soundCoding,
    ...words("-max_interleave_delta 0"),
    ...words(`-output_ts_offset ${-startSample / 48_000}`),
    ...(/^(mp4|mov)$/.test(output.format) ? words("-movflags +faststart") : []),
    ...words(`-f ${output.format}`),
    asFile(output.path),
  ];
}

function metadataOf(track: number, key: string, value: string): string[] {
  return [`-metadata:s:a:${track}`, `${key}=${value}`];
}

/** A local path that FFmpeg cannot take for an option or a protocol. */
function asFile(path: string): string {
  return `file:${path}`;
}
