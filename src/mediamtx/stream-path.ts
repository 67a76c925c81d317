/** One of the paths of a stream on the media server. */
export interface StreamPath {
  readonly streamId: string;
  readonly direction: "in" | "out";
  /** Only on the outputs of further languages, `live/<id>/out_<language>`. */
  readonly language?: string;
}

/** The pattern of what publishers may write to, as MediaMTX takes it (its own syntax: a leading `~`). */
export const inPathPattern = "~^live/[A-Za-z0-9_-]{1,64}/in$";
/** The pattern of what our relays write to: the first language, and `out_<language>` for further ones. */
export const outPathPattern = "~^live/[A-Za-z0-9_-]{1,64}/out(_[a-z0-9-]{2,24})?$";

/** ISO 639-2's code for several languages: the output that has the sound of all of a stream's languages. */
export const jointLanguage = "mul";
/** The pattern of those outputs. MediaMTX takes the first that fits by its name, so it stands before {@link outPathPattern}. */
export const jointPathPattern = `~^live/[A-Za-z0-9_-]{1,64}/(out_${jointLanguage})$`;

/** Takes `live/<id>/in`, `live/<id>/out` or `live/<id>/out_<language>` apart; undefined for anything else. */
export function parseStreamPath(path: string): StreamPath | undefined {
  const match = /^live\/([A-Za-z0-9_-]{1,64})\/(in|out)(?:_([a-z0-9-]{2,24}))?$/.exec(path);
  const streamId = match?.[1];
  if (match === null || streamId === undefined) return undefined;
  const direction = match[2] === "in" ? "in" : "out";
  const language = match[3];
  if (language === undefined) return { streamId, direction };
  return direction === "in" ? undefined : { streamId, direction, language };
}

/** The path that a stream's encoder publishes to. */
export function inputPath(streamId: string): string {
  return `live/${streamId}/in`;
}

/** The path of a stream's dubbed feed; further languages have one each. */
export function outputPath(streamId: string, furtherLanguage?: string): string {
  const suffix = furtherLanguage === undefined ? "" : `_${furtherLanguage.toLowerCase()}`;
  return `live/${streamId}/out${suffix}`;
}
