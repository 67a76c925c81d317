import { afterEach, describe, expect, test } from "bun:test";
import { segmentTimesOf, timescaleOf } from "../../../src/media/fmp4-time.ts";
import { HlsTimeline } from "../../../src/server/hls-timeline.ts";

function box(type: string, ...content: (Uint8Array | number[])[]): Uint8Array {
  const body = Buffer.concat(content.map((part) => Uint8Array.from(part)));
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 + body.length);
  header.write(type, 4, "latin1");
  return Buffer.concat([header, body]);
}
const u32 = (value: number) => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
];

const init = box(
  "moov",
  box("mvhd", u32(0)),
  box("trak", box("mdia", box("mdhd", u32(0), u32(0), u32(0), u32(90_000), u32(0), u32(0)))),
);
/** A part of five pictures of 40 ms each, with sizes and composition offsets between the durations. */
function part(startMs: number): Uint8Array {
  const samples = [3600, 7200, 0, 3600, 3600].flatMap((offset) => [
    ...u32(3600),
    ...u32(99),
    ...u32(offset),
  ]);
  const tfdt = box("tfdt", [1, 0, 0, 0], u32(0), u32(startMs * 90));
  const trun = box("trun", u32(0x1000b01), u32(5), u32(123), samples);
  return Buffer.concat([
    box("moof", box("mfhd", u32(0)), box("traf", tfdt, trun)),
    box("mdat", [1]),
  ]);
}

test("fragmented MP4 says how its media counts", () => {
  expect(timescaleOf(init)).toBe(90_000);
  expect(segmentTimesOf(part(12_000))).toEqual({ start: 12_000 * 90, end: 12_200 * 90 });
  expect(() => timescaleOf(part(0))).toThrow("no moov/trak/mdia/mdhd box");
  for (let length = 0; length < 120; length += 7)
    expect(() => segmentTimesOf(part(1).subarray(0, length))).toThrow();
});

/** A clock that stands still unless the server below moves it. */
class Clock {
  nowMs = 1_800_000_000_000;
  monotonicMs = () => this.nowMs;
  unixMs = () => this.nowMs;
}

/** An HLS server whose live edge is `edgeMs` of media time at the clock's start, and goes with the clock. */
function hlsServer(clock: Clock, options: { readonly heldUpMs?: readonly number[] } = {}) {
  const startedAtMs = clock.nowMs;
  const asked: string[] = [];
  const server = { edgeMs: 70_000, status: 200, hints: true };
  const heldUp = [...(options.heldUpMs ?? [])];
  const edge = () => server.edgeMs + (clock.nowMs - startedAtMs);
  const http = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      if (server.status !== 200) return new Response("", { status: server.status });
      if (pathname === "/index.m3u8")
        return new Response("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo.m3u8?s=1\n");
      if (pathname === "/video.m3u8")
        return new Response(
          [
            "#EXTM3U",
            '#EXT-X-MAP:URI="init.mp4"',
            "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z",
            '#EXT-X-PART:DURATION=0.2,URI="old.mp4",INDEPENDENT=YES',
            ...(server.hints ? ['#EXT-X-PRELOAD-HINT:TYPE=PART,URI="next.mp4"'] : []),
            "",
          ].join("\n"),
        );
      if (pathname === "/init.mp4") return new Response(init);
      if (pathname === "/old.mp4") return new Response(part(60_000));
      const start = edge();
      clock.nowMs += 200; // it is answered when its last picture has come
      const body = part(start);
      clock.nowMs += heldUp.shift() ?? 0;
      return new Response(body);
    },
  });
  open.push(http);
  return { server, asked, url: `http://127.0.0.1:${http.port}/index.m3u8` };
}
const open: { stop(force: boolean): Promise<void> }[] = [];
afterEach(async () => {
  for (const http of open.splice(0)) await http.stop(true);
});

describe("the time of MediaMTX's rendition", () => {
  test("is that of its live edge, told by the part that was held up least", async () => {
    const clock = new Clock();
    const { url } = hlsServer(clock, { heldUpMs: [120, 0, 45] });
    const startedAtMs = clock.nowMs;
    const timeline = new HlsTimeline(url, clock);
    const { mediaMs, dateMs } = await timeline.at(startedAtMs + 5000);
    expect(mediaMs).toBeCloseTo(75_000, 3);
    // The playlist's own dates count from another zero, and that one is kept for our playlist.
    expect(dateMs).toBeCloseTo(Date.parse("2026-01-01T00:00:00Z") + 15_000, 3);
  });

  test("is asked for once for many viewers, and anew when it is some seconds old", async () => {
    const clock = new Clock();
    const { url, asked, server } = hlsServer(clock);
    const timeline = new HlsTimeline(url, clock);
    const startedAtMs = clock.nowMs;
    await Promise.all(Array.from({ length: 20 }, () => timeline.at(startedAtMs)));
    const once = asked.length;
    expect(asked.filter((path) => path === "/index.m3u8")).toHaveLength(1);
    await timeline.at(startedAtMs);
    expect(asked).toHaveLength(once);
    server.edgeMs += 2300; // a push began anew and the path counted on
    clock.nowMs += 61_000;
    expect((await timeline.at(startedAtMs)).mediaMs).toBeCloseTo(72_300, 3);
    expect(asked.filter((path) => path === "/index.m3u8")).toHaveLength(1);
  });

  test("cannot be had from a server that refuses or is not of low latency: said so, and tried again", async () => {
    const clock = new Clock();
    const { url, server } = hlsServer(clock);
    const timeline = new HlsTimeline(url, clock);
    server.status = 404;
    await expect(timeline.at(0)).rejects.toThrow("it answers 404");
    server.status = 200;
    server.hints = false;
    await expect(timeline.at(0)).rejects.toThrow("captions need low-latency HLS");
    server.hints = true;
    expect((await timeline.at(clock.nowMs)).mediaMs).toBeCloseTo(70_000, 3);
  });
});
