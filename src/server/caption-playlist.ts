/** Each segment of captions lasts this long: a viewer near the live edge gets them in time. */
export const captionSegmentMs = 1000;

export interface CaptionWindow {
  /** Numbers of the first and the last segment, which stand in their file names too. */
  readonly first: number;
  readonly last: number;
  /** Wall clock at which the first one's pictures left. */
  readonly firstUnixMs: number;
}

/**
 * The media playlist of one language's captions (RFC 8216): a live window that slides.
 * @param firstDateMs what MediaMTX's playlist gives as date for the pictures of the first segment
 */
export function captionPlaylist(
  { first, last }: CaptionWindow,
  firstDateMs: number,
  language: string,
  query: string,
): string {
  const lines = [
    "#EXTM3U",
    "#EXT-X-VERSION:3",
    `#EXT-X-TARGETDURATION:${captionSegmentMs / 1000}`,
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
  ];
  for (let number = first; number <= last; number++) {
    const dateMs = firstDateMs + (number - first) * captionSegmentMs;
    lines.push(
      `#EXT-X-PROGRAM-DATE-TIME:${new Date(dateMs).toISOString()}`,
      `#EXTINF:${(captionSegmentMs / 1000).toFixed(3)},`,
      `${language}/${number}.vtt${query}`,
    );
  }
  return `${lines.join("\n")}\n`;
}
