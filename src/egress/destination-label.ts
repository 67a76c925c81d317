/** What of a destination may be shown: its host and its application, never the stream key. */
export interface DestinationLabel {
  /** Host and port. */
  readonly destHost: string;
  /** An RTMP application (`live2`); empty where the URL has none besides the key. */
  readonly destApp: string;
}

/** The showable parts of a destination's URL; an SRT URL shows its host only. */
export function destinationLabel(url: string): DestinationLabel {
  const { host, pathname, protocol } = new URL(url);
  const segments = pathname.split("/").filter((segment) => segment !== "");
  const app = protocol === "srt:" ? "" : segments.slice(0, -1).join("/");
  return { destHost: host, destApp: app };
}
