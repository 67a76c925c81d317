import { iso6392 } from "iso-639-2";

/** Three letters by two (the terminological ones: `deu`, not `ger`). */
const threeLetters = new Map(
  iso6392.flatMap(({ iso6391, iso6392B, iso6392T }) =>
    iso6391 === undefined ? [] : [[iso6391, iso6392T ?? iso6392B] as const],
  ),
);

/**
 * A language as containers write it of a track: ISO 639-2, without region; FFmpeg leaves any other out of MP4 and
 * MPEG-TS without a word.
 *
 * @param tag BCP-47 or short code
 */
export function trackLanguage(tag: string): string {
  const primary = (tag.split(/[-_]/)[0] ?? "").toLowerCase();
  if (primary.length === 3) return primary;
  return threeLetters.get(primary) ?? "und";
}

/** A language by its own name, as its speakers look for it: `Português (Brasil)`. */
export function languageName(tag: string): string {
  const name = new Intl.DisplayNames([tag], { type: "language" }).of(tag) ?? tag;
  return name.replaceAll(/["\r\n]/g, "");
}
