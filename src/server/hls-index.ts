import { HTTPException } from "hono/http-exception";
import { outputPath } from "../mediamtx/stream-path.ts";
import {
  formatAddress,
  type ListenAddress,
  reachableFromHere,
} from "../mediamtx/listen-address.ts";
import type { HlsIndex, Viewer, WatchedOutput } from "./caption-routes.ts";
import { HlsUnavailableError } from "./hls-timeline.ts";

/** MediaMTX may first have to begin to convert. */
const timeoutMs = 12_000;
const mostBytes = 256 * 1024;

/**
 * Fetches MediaMTX's multivariant playlist of an output on behalf of a viewer: it opens a session for the viewer's own
 * address, and judges by it whether the viewer may watch.
 *
 * @throws {HTTPException} 403 when this viewer may not watch; {HlsUnavailableError}
 */
export async function fetchHlsIndex(
  hls: ListenAddress,
  { streamId, furtherLanguage }: WatchedOutput,
  viewer: Viewer,
): Promise<HlsIndex> {
  const path = `${outputPath(streamId, furtherLanguage)}/index.m3u8`;
  const query = new URLSearchParams({ cookieCheck: "1" });
  if (viewer.key !== undefined) query.set("key", viewer.key);
  const headers: Record<string, string> = {};
  if (viewer.addresses.length > 0) headers["X-Forwarded-For"] = viewer.addresses.join(", ");
  if (viewer.userAgent !== undefined) headers["User-Agent"] = viewer.userAgent;
  try {
    const response = await fetch(
      `http://${formatAddress(reachableFromHere(hls))}/${path}?${query.toString()}`,
      {
        headers,
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
      },
    );
    if (response.status === 401)
      throw new HTTPException(403, {
        message: `${streamId} is not for this viewer: HLS from elsewhere needs ?key=…, or MEDIAMTX_HLS_ADDRESS opened`,
      });
    const playlist = await response.text();
    if (!response.ok || playlist.length > mostBytes)
      throw new Error(`it answers ${response.status}`);
    return { playlist, base: `http://${formatAddress(seenBy(viewer, hls))}/${path}` };
  } catch (error) {
    if (error instanceof HTTPException) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new HlsUnavailableError(`MediaMTX's HLS of ${streamId} cannot be read: ${why}`);
  }
}

/** A listener on every address is reached by the name that the viewer uses for us: its session is for one address. */
function seenBy({ hostName }: Viewer, hls: ListenAddress): ListenAddress {
  const everywhere = hls.host === "" || hls.host === "0.0.0.0" || hls.host === "::";
  return everywhere ? { host: hostName.replace(/^\[|\]$/g, ""), port: hls.port } : hls;
}
