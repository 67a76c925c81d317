import { segmentTimesOf, timescaleOf } from "../media/fmp4-time.ts";

/** MediaMTX's HLS of a stream cannot be read now. */
export class HlsUnavailableError extends Error {
  override readonly name = "HlsUnavailableError";
}

/** How MediaMTX's rendition counts: what to add to its media time, in milliseconds. */
interface Alignment {
  /** To get the wall clock at which the media arrived. */
  readonly toUnixMs: number;
  /** To get the date that its playlist gives to the media, which may stand apart from the true one. */
  readonly toDateMs: number;
}

/** The first request makes MediaMTX begin to convert, which takes a few segments. */
const timeoutMs = 12_000;
/** A push that begins anew may move the media time; this is how soon captions follow. */
const freshMs = 5000;
/** Until then an older measurement serves while the next one is made. */
const usableMs = 60_000;
/** Parts whose arrival is timed for one measurement: only the one that was held up least counts. */
const timedParts = 3;
const mostPlaylistBytes = 256 * 1024;
const mostMediaBytes = 16 * 1024 * 1024;

/**
 * Finds out which media time MediaMTX gives to the moments of one path's HLS rendition. Neither the pushes' stamps nor
 * the playlist's dates tell: a path that outlives its pushes counts on from one to the next, and dates are led astray by
 * pictures that come in a burst. So the live edge itself is timed: a part that is asked for before it is there is
 * answered when its last picture has come, and says which media time that is.
 */
export class HlsTimeline {
  #mediaPlaylist: string | undefined;
  #init: { readonly url: string; readonly timescale: number } | undefined;
  #latest: { readonly alignment: Alignment; readonly atMs: number } | undefined;
  #asking: Promise<Alignment> | undefined;

  /** @param indexUrl of the path's multivariant playlist */
  constructor(
    private readonly indexUrl: string,
    private readonly clock: { monotonicMs(): number; unixMs(): number } = {
      monotonicMs: () => performance.now(),
      unixMs: Date.now,
    },
  ) {}

  /**
   * The media time of what arrives at MediaMTX at a moment of the wall clock, and the date that its playlist gives to it.
   * @throws {HlsUnavailableError}
   */
  async at(unixMs: number): Promise<{ mediaMs: number; dateMs: number }> {
    const { toUnixMs, toDateMs } = await this.#alignment();
    const mediaMs = unixMs - toUnixMs;
    return { mediaMs, dateMs: mediaMs + toDateMs };
  }

  /** What was measured holds no longer: another push may count from another time. */
  forget(): void {
    this.#latest = undefined;
  }

  #alignment(): Promise<Alignment> {
    const known = this.#latest;
    const ageMs = known === undefined ? Infinity : this.clock.monotonicMs() - known.atMs;
    if (known === undefined || ageMs > usableMs) return this.#ask();
    if (ageMs > freshMs) this.#ask().catch(() => {}); // told to whoever asks once it is too old
    return Promise.resolve(known.alignment);
  }

  /** One question at a time, however many viewers there are. */
  #ask(): Promise<Alignment> {
    this.#asking ??= this.#measure().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #measure(): Promise<Alignment> {
    try {
      const url = (this.#mediaPlaylist ??= await this.#findMediaPlaylist());
      const dated = datedPart(await text(url));
      const at = (uri: string) => new URL(uri, url).href;
      const toMs = 1000 / (await this.#timescaleOf(at(dated.init)));
      const { start } = segmentTimesOf(await bytes(at(dated.media)));
      let toUnixMs = Infinity;
      for (let part = 0; part < timedParts; part++) {
        const { end } = segmentTimesOf(await bytes(at(nextPart(await text(url)))));
        toUnixMs = Math.min(toUnixMs, this.clock.unixMs() - end * toMs);
      }
      const alignment = { toUnixMs, toDateMs: dated.unixMs - start * toMs };
      this.#latest = { alignment, atMs: this.clock.monotonicMs() };
      return alignment;
    } catch (error) {
      // Its session may have ended: the next question begins with a new one.
      this.#mediaPlaylist = undefined;
      const why = error instanceof Error ? error.message : String(error);
      throw new HlsUnavailableError(`MediaMTX's HLS of this stream cannot be read: ${why}`);
    }
  }

  async #timescaleOf(url: string): Promise<number> {
    if (this.#init?.url !== url) this.#init = { url, timescale: timescaleOf(await bytes(url)) };
    return this.#init.timescale;
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

/** The last part that stands right behind a date: there its first picture's date is given. */
function datedPart(playlist: string): { init: string; media: string; unixMs: number } {
  const init = /^#EXT-X-MAP:.*URI="([^"]+)"/m.exec(playlist)?.[1];
  const dated = /^#EXT-X-PROGRAM-DATE-TIME:(\S+)\n#EXT-X-PART:.*URI="([^"]+)"/gm;
  const [, date = "", media] = [...playlist.matchAll(dated)].at(-1) ?? [];
  const unixMs = Date.parse(date);
  if (init === undefined || media === undefined || Number.isNaN(unixMs))
    throw new Error("its playlist has no dated part yet (captions need low-latency HLS)");
  return { init, media, unixMs };
}

/** The part that comes next: asking for it waits for it. */
function nextPart(playlist: string): string {
  const hint = /^#EXT-X-PRELOAD-HINT:.*URI="([^"]+)"/m.exec(playlist)?.[1];
  if (hint === undefined)
    throw new Error("its playlist names no part to come (captions need low-latency HLS)");
  return hint;
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
