import { languageName } from "../media/track-language.ts";

/** One language of captions, as the master playlist offers it. */
export interface CaptionRendition {
  readonly language: string;
  readonly uri: string;
}

/** What is in an output besides its pictures. */
export interface OutputRenditions {
  /** Languages of its sound tracks, in their order. */
  readonly dubbed: readonly string[];
  readonly captions: readonly CaptionRendition[];
}

const group = "captions";

/**
 * MediaMTX's multivariant playlist with our captions in it: its URIs become absolute, its sound tracks get their languages, each
 * variant gets the group of subtitles. Everything else is left as it came.
 *
 * @param playlist as MediaMTX wrote it
 * @param base where a viewer reaches it
 */
export function masterPlaylist(
  playlist: string,
  base: string,
  { dubbed, captions }: OutputRenditions,
): string {
  const absolute = (uri: string) => new URL(uri, base).href;
  const sounds = [...dubbed];
  const lines = playlist
    .trimEnd()
    .split("\n")
    .map((line) => {
      if (line.startsWith("#EXT-X-STREAM-INF:")) return `${line},SUBTITLES="${group}"`;
      if (line.startsWith("#"))
        return inNextLanguage(line, sounds).replace(
          /URI="([^"]*)"/,
          (_, uri: string) => `URI="${absolute(uri)}"`,
        );
      return line.trim() === "" ? line : absolute(line.trim());
    });
  const at = lines.findIndex((line) => line.startsWith("#EXT-X-STREAM-INF:"));
  lines.splice(at === -1 ? lines.length : at, 0, ...captions.map(mediaLine), "");
  return `${lines.join("\n")}\n`;
}

/** A rendition of sound, with the name and the tag of what is spoken; any other line as it is. */
function inNextLanguage(line: string, languages: string[]): string {
  if (!/^#EXT-X-MEDIA:(?:.*,)?TYPE=AUDIO/.test(line)) return line;
  const language = languages.shift();
  if (language === undefined) return line;
  const bare = line.replaceAll(/,(?:NAME|LANGUAGE)="[^"]*"/g, "");
  return `${bare},NAME="${languageName(language)}",LANGUAGE="${language}"`;
}

function mediaLine({ language, uri }: CaptionRendition): string {
  const attributes = [
    "TYPE=SUBTITLES",
    `GROUP-ID="${group}"`,
    `NAME="${languageName(language)}"`,
    `LANGUAGE="${language}"`,
    "AUTOSELECT=YES",
    "DEFAULT=NO",
    `URI="${uri}"`,
  ];
  return `#EXT-X-MEDIA:${attributes.join(",")}`;
}
