import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { webVtt } from "../captions/web-vtt.ts";
import { streamId } from "../config/streams.ts";
import { captionPlaylist } from "./caption-playlist.ts";
import type { CaptionedOutput, CaptionedStream } from "./caption-shelf.ts";
import { viewersOrToken } from "./guards.ts";
import { HlsUnavailableError } from "./hls-timeline.ts";
import { masterPlaylist } from "./master-playlist.ts";

/** Who asks for a master playlist. */
export interface Viewer {
  readonly userAgent: string | undefined;
  /** Its address and those of the proxies it came through, the last one being who asked us. */
  readonly addresses: readonly string[];
  readonly key: string | undefined;
  /** The host name by which it reached us. */
  readonly hostName: string;
}

/** One output of a stream; without a further language its first one. */
export interface WatchedOutput {
  readonly streamId: string;
  readonly furtherLanguage: string | undefined;
}

/** MediaMTX's own multivariant playlist of an output, for one viewer. */
export interface HlsIndex {
  readonly playlist: string;
  /** Where this viewer reaches it: the base of its relative URIs. */
  readonly base: string;
}

export interface CaptionRoutesOptions {
  readonly apiToken: string | undefined;
  readonly mayWatch: (streamId: string, key: string | undefined) => boolean;
  readonly stream: (streamId: string) => CaptionedStream | undefined;
  /** @throws {HlsUnavailableError} */
  readonly hlsIndex: (output: WatchedOutput, viewer: Viewer) => Promise<HlsIndex>;
}

/** What the listener knows of a request besides the request. */
interface Bindings {
  readonly clientIp?: string;
}

/** The same below each output, `out` and `out_<language>`; without one it is `out`. */
const roots = ["/v1/streams/:id", "/v1/streams/:id/:output{out(?:_[a-z0-9-]{2,24})?}"] as const;
const pathsBelow = (root: string) =>
  ({
    master: `${root}/master.m3u8`,
    playlist: `${root}/captions/:file`,
    segment: `${root}/captions/:language/:file`,
  }) as const;
/** The patterns of these routes, for whoever answers other methods. */
export const captionPaths = roots.flatMap((root) => Object.values(pathsBelow(root)));
const playlistType = "application/vnd.apple.mpegurl";

/** Captions in step with each output: a rendition of WebVTT segments per language, and the playlist that joins them to MediaMTX's. */
export function captionRoutes(options: CaptionRoutesOptions): Hono<{ Bindings: Bindings }> {
  const app = new Hono<{ Bindings: Bindings }>();
  // Players run on pages of other origins; MediaMTX lets them read the pictures as well.
  const anyOrigin = cors({ origin: "*", allowMethods: ["GET", "HEAD"] });
  const guard = viewersOrToken(options.apiToken, options.mayWatch);
  for (const path of captionPaths) app.use(path, anyOrigin, guard);
  for (const root of roots) routesBelow(root, app, options);
  app.onError((error, context) => {
    if (error instanceof HlsUnavailableError) return notYet(context, error.message);
    if (error instanceof HTTPException)
      return context.json({ detail: error.message }, error.status);
    throw error;
  });
  return app;
}

function routesBelow(
  root: (typeof roots)[number],
  app: Hono<{ Bindings: Bindings }>,
  options: CaptionRoutesOptions,
): void {
  const { master, playlist, segment } = pathsBelow(root);
  app.get(master, async (context) => {
    const found = find(context, options);
    if (found instanceof Response) return found;
    const { languages: dubbed, furtherLanguage } = found.output;
    const index = await options.hlsIndex(
      { streamId: found.id, furtherLanguage },
      viewerOf(context),
    );
    const query = queryOf(context);
    // What this dub says stands first, then the others in the order of the stream.
    const captions = [...new Set([...dubbed, ...found.captions.languages])].map((language) => ({
      language,
      uri: `captions/${language}.m3u8${query}`,
    }));
    const text = masterPlaylist(index.playlist, index.base, { dubbed, captions });
    return context.body(text, 200, { "Content-Type": playlistType });
  });

  app.get(playlist, async (context) => {
    const found = find(context, options);
    if (found instanceof Response) return found;
    const name = /^(.+)\.m3u8$/.exec(context.req.param("file"))?.[1];
    const language = name === undefined ? undefined : languageOf(found, name);
    if (language === undefined) return noLanguage(context, found);
    const window = found.captions.window();
    if (window === undefined) return notYet(context, `${found.id} plays nothing yet`);
    const { dateMs } = await found.output.timeline.at(window.firstUnixMs);
    const text = captionPlaylist(window, dateMs, language, queryOf(context));
    return context.body(text, 200, {
      "Content-Type": playlistType,
    });
  });

  app.get(segment, async (context) => {
    const found = find(context, options);
    if (found instanceof Response) return found;
    const language = languageOf(found, context.req.param("language"));
    if (language === undefined) return noLanguage(context, found);
    const number = /^(\d{1,15})\.vtt$/.exec(context.req.param("file"))?.[1];
    const piece =
      number === undefined ? undefined : found.captions.segment(language, Number(number));
    if (piece === undefined)
      return context.json({ detail: `${language} has no such segment, or no longer` }, 404);
    const { mediaMs } = await found.output.timeline.at(piece.startUnixMs);
    const text = webVtt(piece.cues, { mediaMs, localMs: piece.startMs });
    return context.body(text, 200, { "Content-Type": "text/vtt; charset=utf-8" });
  });
}

interface Found {
  readonly id: string;
  readonly captions: CaptionedStream["captions"];
  readonly output: CaptionedOutput;
}

function find(context: Context, options: CaptionRoutesOptions): Found | Response {
  const parsed = streamId.safeParse(context.req.param("id"));
  if (!parsed.success)
    return context.json({ detail: parsed.error.issues[0]?.message ?? "no stream id" }, 404);
  const stream = options.stream(parsed.data);
  if (stream === undefined)
    return context.json({ detail: `no stream ${parsed.data} runs here` }, 404);
  const name = context.req.param("output") ?? "out";
  const output = stream.outputs.get(name);
  if (output === undefined) {
    const there = [...stream.outputs.keys()].join(", ");
    return context.json({ detail: `${parsed.data} has no ${name}, but ${there}` }, 404);
  }
  return { captions: stream.captions, output, id: parsed.data };
}

function languageOf({ captions }: Found, wanted: string): string | undefined {
  return captions.languages.find((one) => one.toLowerCase() === wanted.toLowerCase());
}

function noLanguage(context: Context, { id, captions }: Found): Response {
  return context.json({ detail: `${id} has captions in ${captions.languages.join(", ")}` }, 404);
}

function notYet(context: Context, detail: string): Response {
  return context.json({ detail }, 503, { "Retry-After": "1" });
}

/** The viewer's key, for the addresses inside a playlist: they are asked for by the same viewer. */
function queryOf(context: Context): string {
  const key = context.req.query("key");
  return key === undefined ? "" : `?key=${encodeURIComponent(key)}`;
}

function viewerOf(context: Context<{ Bindings: Bindings }>): Viewer {
  const forwarded = (context.req.header("x-forwarded-for") ?? "").split(",");
  return {
    userAgent: context.req.header("user-agent"),
    addresses: [...forwarded, context.env.clientIp ?? ""].map((one) => one.trim()).filter(Boolean),
    key: context.req.query("key"),
    hostName: new URL(context.req.url).hostname,
  };
}
