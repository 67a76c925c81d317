import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { viewersRule } from "../../../src/server/caption-access.ts";
import {
  captionRoutes,
  type CaptionRoutesOptions,
  type Viewer,
} from "../../../src/server/caption-routes.ts";
import { HlsTimeline, HlsUnavailableError } from "../../../src/server/hls-timeline.ts";
import { StreamCaptions } from "../../../src/server/stream-captions.ts";

const index = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo1_stream.m3u8\n";

function routes(changes: Partial<CaptionRoutesOptions> = {}) {
  const viewers: Viewer[] = [];
  const captions = new StreamCaptions("en", ["en", "pt"]);
  captions.played("run", 2500);
  const app = captionRoutes({
    apiToken: undefined,
    mayWatch: () => false,
    // Nobody listens there: its answers are tested by the timeline's own test.
    stream: (id) =>
      id === "match"
        ? { captions, timeline: new HlsTimeline("http://127.0.0.1:1/index.m3u8") }
        : undefined,
    hlsIndex: (_id, viewer) => {
      viewers.push(viewer);
      return Promise.resolve({
        playlist: index,
        base: "http://tv.example/live/match/out/index.m3u8",
      });
    },
    ...changes,
  });
  const get = (path: string, headers: Record<string, string> = {}, clientIp = "203.0.113.9") =>
    app.request(`http://edge.example/v1/streams/${path}`, { headers }, { clientIp });
  return { get, viewers };
}
const detailOf = async (response: Response) =>
  ((await response.json()) as { detail: string }).detail;

describe("who may read captions", () => {
  const apiToken = "a-token-of-sixteen-and-more";

  test("everybody where no token is set; else who has the token, or may watch", async () => {
    expect((await routes().get("match/master.m3u8")).status).toBe(200);
    const closed = routes({ apiToken, mayWatch: (id, key) => id === "match" && key === "right" });
    for (const path of ["match/master.m3u8", "match/captions/pt.m3u8", "match/captions/pt/1.vtt"]) {
      expect([path, (await closed.get(path)).status]).toEqual([path, 401]);
      expect([path, (await closed.get(`${path}?key=wrong`)).status]).toEqual([path, 401]);
      const headers = { authorization: `Bearer ${apiToken}` };
      expect([path, (await closed.get(path, headers)).status]).not.toEqual([path, 401]);
      expect([path, (await closed.get(`${path}?key=right`)).status]).not.toEqual([path, 401]);
    }
  });

  test("by the rule of viewers: everybody once HLS is opened, else the stream's key alone", () => {
    const sha256 = createHash("sha256").update("right").digest("hex");
    const loopback = { host: "127.0.0.1", port: 8888 };
    const byKey = viewersRule({ hlsAddress: loopback, publishKeys: { match: sha256 } });
    expect([
      byKey("match", "right"),
      byKey("match", "wrong"),
      byKey("match", undefined),
      byKey("other", "right"),
    ]).toEqual([true, false, false, false]);
    expect(viewersRule({ hlsAddress: loopback, publishKeys: undefined })("match", undefined)).toBe(
      false,
    );
    expect(
      viewersRule({ hlsAddress: { host: "", port: 8888 }, publishKeys: {} })("match", undefined),
    ).toBe(true);
  });
});

describe("the master playlist", () => {
  test("is asked for in the viewer's name and hands the viewer's key on", async () => {
    const { get, viewers } = routes();
    const headers = { "user-agent": "player", "x-forwarded-for": "198.51.100.7" };
    const response = await get("match/master.m3u8?key=a%26b", headers, "127.0.0.1");
    expect(response.headers.get("content-type")).toBe("application/vnd.apple.mpegurl");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(await response.text()).toContain('URI="captions/pt.m3u8?key=a%26b"');
    expect(viewers).toEqual([
      {
        userAgent: "player",
        addresses: ["198.51.100.7", "127.0.0.1"],
        key: "a&b",
        hostName: "edge.example",
      },
    ]);
  });

  test("waits for MediaMTX with a 503 that says why", async () => {
    const { get } = routes({ hlsIndex: () => Promise.reject(new HlsUnavailableError("not yet")) });
    const response = await get("match/master.m3u8");
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await detailOf(response)).toBe("not yet");
  });
});

test("what is not there is a 404 with what is", async () => {
  const { get } = routes();
  const answers = await Promise.all(
    [
      "other/master.m3u8",
      "a.b/captions/pt.m3u8",
      "match/captions/fr.m3u8",
      "match/captions/pt.txt",
      "match/captions/fr/1.vtt",
      "match/captions/pt/x.vtt",
      "match/captions/pt/99999999999999999.vtt",
    ].map(async (path) => {
      const response = await get(path);
      return [response.status, await detailOf(response)];
    }),
  );
  expect(answers).toEqual([
    [404, "no stream other runs here"],
    [404, "a stream id is 1..64 of A-Z a-z 0-9 _ -"],
    [404, "match has captions in en, pt"],
    [404, "match has captions in en, pt"],
    [404, "match has captions in en, pt"],
    [404, "pt has no such segment, or no longer"],
    [404, "pt has no such segment, or no longer"],
  ]);
});
