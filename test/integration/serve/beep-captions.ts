import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { findFlashes } from "../../media/flash-beep.ts";
import { type ParsedCue, parseWebVtt } from "../../unit/captions/vtt-parser.ts";
import type { ReceivedFragment } from "../sts-client/scripted-sidecar.ts";
import { eventually, type ServeProcess } from "./serve-process.ts";

/** Captions that say when a beep sounds, and flashes that show when it does: whether captions are in step. */

/** The beep in a fragment's sound, in stream time; undefined where there is none. */
export function beepMs({ audio, metadata }: ReceivedFragment): number | undefined {
  const bytes = audio.data ?? Buffer.from(audio.data_base64 ?? "", "base64");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 2 <= bytes.byteLength; at += 2)
    if (Math.abs(view.getInt16(at, true)) > 6500)
      return metadata.pts_ns / 1e6 + ((at / 2) * 1000) / audio.sample_rate_hz;
  return undefined;
}

/** The segments that a playlist of captions names. */
export const segmentsOf = (playlist: string) => playlist.match(/^[a-z-]+\/\d+\.vtt$/gm) ?? [];

/** The cue of a caption and the media time at which its text says that the beep is. */
export interface TimedCaption extends ParsedCue {
  readonly beepMediaMs: number;
}

/** @param output as it stands in the address: `match`, `match/out_es` */
export async function beepCaptionsIn(
  serve: ServeProcess,
  output: string,
  path: string,
): Promise<TimedCaption[]> {
  const address = `${serve.addresses.http}/v1/streams/${output}/captions/${path}`;
  const response = await fetch(address);
  expect([path, response.status]).toEqual([path, 200]);
  expect(response.headers.get("content-type")).toBe("text/vtt; charset=utf-8");
  const { header, cues } = parseWebVtt(await response.text());
  const map = /^X-TIMESTAMP-MAP=MPEGTS:(\d+),LOCAL:(\d+):(\d+):(\d+)\.(\d+)$/.exec(header[0] ?? "");
  const [ticks, hours, minutes, seconds, ms] = map!.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const localMs = ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms;
  return cues.map((cue) => {
    const beep = Number(/([\d.]+)$/.exec(cue.text)?.[1]);
    return { ...cue, beepMediaMs: ticks / 90 + beep - localMs };
  });
}

/**
 * The flashes in MediaMTX's rendition of a path, by its own media time.
 * @param file where what was fetched is put for FFmpeg
 */
export async function hlsFlashesMs(
  serve: ServeProcess,
  streamPath: string,
  file: string,
): Promise<number[]> {
  const index = `${serve.addresses.hls}/${streamPath}/index.m3u8?cookieCheck=1`;
  const variant = (await (await fetch(index)).text()).trim().split("\n").at(-1) ?? "";
  const url = new URL(variant, index);
  let uris: string[] = [];
  await eventually(
    async () => {
      const playlist = await (await fetch(url)).text();
      const init = /URI="([^"]+init[^"]*)"/.exec(playlist)?.[1] ?? "";
      uris = [init, ...(playlist.match(/^[0-9a-f]+_video\d+_seg\d+\.mp4\S*$/gm) ?? [])];
      return uris.length > 3;
    },
    20_000,
    "three segments of HLS",
  );
  const parts = uris.map(async (uri) => (await fetch(new URL(uri, url))).arrayBuffer());
  writeFileSync(
    file,
    Buffer.concat((await Promise.all(parts)).map((part) => new Uint8Array(part))),
  );
  return (await findFlashes(file)).map((seconds) => seconds * 1000);
}

/** For each flash the nearest caption that names its beep: how much later the caption says it is. */
export function errorsMs(captions: readonly TimedCaption[], flashes: readonly number[]): number[] {
  return flashes.flatMap((flash) => {
    const nearest = captions.reduce(
      (best, { beepMediaMs }) =>
        Math.abs(beepMediaMs - flash) < Math.abs(best) ? beepMediaMs - flash : best,
      Number.POSITIVE_INFINITY,
    );
    return Math.abs(nearest) < 1500 ? [nearest] : [];
  });
}
