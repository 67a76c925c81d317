import { segmentTimesOf, timescaleOf } from "../media/fmp4-time.ts";

/** MediaMTX's HLS of a stream cannot be read now. */
export class HlsUnavailableError extends Error {
  override readonly name = "HlsUnavailableError";
}

/** A moment of MediaMTX's rendition, by its own media time and by the wall clock. */
interface Alignment {
  readonly mediaMs: number;
  readonly unixMs: number;
}

/** The first request makes MediaMTX begin to convert, which takes a few segments. */
const timeoutMs = 12_000;
/** A push that begins anew may move the media time; this is how soon captions follow. */
const freshMs = 5000;
const mostPlaylistBytes = 256 * 1024;
const mostMediaBytes = 16 * 1024 * 1024;

/**
 * Finds out which media time MediaMTX gives to the moments of one path's HLS rendition. Its playlist says by
 * `EXT-X-PROGRAM-DATE-TIME` when a segment's first picture arrived, the segment itself which media time it bears.
 */
export class HlsTimeline {
  #mediaPlaylist: string | undefined;
  #init: { readonly url: string; readonly timescale: number } | undefined;
  #latest: { readonly alignment: Alignment; readonly atMs: number } | undefined;
  #asking: Promise<Alignment> | undefined;

  /** @param indexUrl of the path's multivariant playlist */
  constructor(
    private readonly indexUrl: string,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * The media time of what arrives at MediaMTX at a moment of the wall clock.
   * @throws {HlsUnavailableError}
   */
  async mediaMsAt(unixMs: number): Promise<number> {
    const known = this.#latest;
    const isFresh = known !== undefined && this.now() - known.atMs < freshMs;
    const alignment = isFresh ? known.alignment : await this.#ask();
    return alignment.mediaMs + (unixMs - alignment.unixMs);
  }

  /** One question at a time, however many viewers there are. */
  #ask(): Promise<Alignment> {
    this.#asking ??= this.#measure().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #measure(): Promise<Alignment> {
    try {
      const url = (this.#mediaPlaylist ??= await this.#findMediaPlaylist());
      const { initUrl, mediaUrl, unixMs } = latestDated(await text(url), url);
      if (this.#init?.url !== initUrl)
        this.#init = { url: initUrl, timescale: timescaleOf(await bytes(initUrl)) };
      const { decodeTime, firstOffset, largestOffset } = segmentTimesOf(await bytes(mediaUrl));
      // MediaMTX takes no picture for one of the future, so its dates stand back by the longest that a picture
      // waits for its turn; the segment's own first picture waits less.
      const ticks = decodeTime + firstOffset - largestOffset;
      const alignment = { mediaMs: (ticks * 1000) / this.#init.timescale, unixMs };
      this.#latest = { alignment, atMs: this.now() };
      return alignment;
    } catch (error) {
      // Its session may have ended: the next question begins with a new one.
      this.#mediaPlaylist = undefined;
      const why = error instanceof Error ? error.message : String(error);
      throw new HlsUnavailableError(`MediaMTX's HLS of this stream cannot be read: ${why}`);
    }
  }

  async #findMediaPlaylist(): Promise<string> {
    const first = variantsOf(await text(this.indexUrl))[0];
    if (first === undefined) throw new Error("its playlist lists no variant");
    return new URL(first, this.indexUrl).href;
  }
}

/** The URIs of a multivariant playlist's variants. */
function variantsOf(playlist: string): string[] {
  return playlist.split("\n").flatMap((line) => {
    const trimmed = line.trim();
    return trimmed === "" || trimmed.startsWith("#") ? [] : [trimmed];
  });
}

/** The last piece of media that stands right behind a date: there its first picture's time is given. */
function latestDated(
  playlist: string,
  base: string,
): { initUrl: string; mediaUrl: string; unixMs: number } {
  const init = /^#EXT-X-MAP:.*URI="([^"]+)"/m.exec(playlist)?.[1];
  const dated =
    /^#EXT-X-PROGRAM-DATE-TIME:(\S+)\n(?:#EXT-X-PART:.*URI="([^"]+)"|(?:#.*\n)+([^#\s]\S*))/gm;
  const last = [...playlist.matchAll(dated)].at(-1);
  const media = last?.[2] ?? last?.[3];
  const unixMs = Date.parse(last?.[1] ?? "");
  if (init === undefined || media === undefined || Number.isNaN(unixMs))
    throw new Error("its playlist has no dated segment yet");
  const absolute = (uri: string) => new URL(uri, base).href;
  return { initUrl: absolute(init), mediaUrl: absolute(media), unixMs };
}

async function text(url: string): Promise<string> {
  return new TextDecoder().decode(await read(url, mostPlaylistBytes));
}

function bytes(url: string): Promise<Uint8Array> {
  return read(url, mostMediaBytes);
}

async function read(url: string, mostBytes: number): Promise<Uint8Array> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new Error(`it answers ${response.status}`);
  const body = new Uint8Array(await response.arrayBuffer());
  if (body.length > mostBytes) throw new Error(`it answers more than ${mostBytes} bytes`);
  return body;
}
