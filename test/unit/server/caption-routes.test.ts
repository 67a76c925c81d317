import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { viewersRule } from "../../../src/server/caption-access.ts";
import {
  captionRoutes,
  type CaptionRoutesOptions,
  type Viewer,
} from "../../../src/server/caption-routes.ts";
import type { CaptionedOutput } from "../../../src/server/caption-shelf.ts";
import { HlsTimeline, HlsUnavailableError } from "../../../src/server/hls-timeline.ts";
import { StreamCaptions } from "../../../src/server/stream-captions.ts";

const sound = `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio2",DEFAULT=YES,URI="audio2_stream.m3u8"`;
const index = `#EXTM3U\n${sound}\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo1_stream.m3u8\n`;

function outputOf(languages: string[], furtherLanguage?: string): [string, CaptionedOutput] {
  const timeline = new HlsTimeline("http://127.0.0.1:1/index.m3u8");
  const name = furtherLanguage === undefined ? "out" : `out_${furtherLanguage}`;
  return [name, { languages, furtherLanguage, timeline }];
}

function routes(changes: Partial<CaptionRoutesOptions> = {}) {
  const viewers: Viewer[] = [];
  const captions = new StreamCaptions("en", ["en", "pt", "es"]);
  captions.played("run", 2500);
  const app = captionRoutes({
    apiToken: undefined,
    mayWatch: () => false,
    // Nobody listens there: its answers are tested by the timeline's own test.
    stream: (id) =>
      id === "match"
        ? { captions, outputs: new Map([outputOf(["pt"]), outputOf(["es"], "es")]) }
        : undefined,
    hlsIndex: ({ furtherLanguage }, viewer) => {
      viewers.push(viewer);
      const path = furtherLanguage === undefined ? "out" : `out_${furtherLanguage}`;
      return Promise.resolve({
        playlist: index,
        base: `http://tv.example/live/match/${path}/index.m3u8`,
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
    const paths = ["master.m3u8", "captions/pt.m3u8", "captions/pt/1.vtt"];
    for (const path of [...paths, ...paths.map((one) => `out_es/${one}`)].map(
      (one) => `match/${one}`,
    )) {
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

  test("of each output is MediaMTX's of that output; what its dub says stands first", async () => {
    const { get } = routes();
    const linesOf = async (path: string) => (await (await get(path)).text()).split("\n");
    const languages = (lines: readonly string[]) =>
      lines.flatMap((line) => /TYPE=SUBTITLES.*LANGUAGE="([^"]+)"/.exec(line)?.[1] ?? []);
    for (const [path, output, order] of [
      ["match/master.m3u8", "out", ["pt", "en", "es"]],
      ["match/out/master.m3u8", "out", ["pt", "en", "es"]],
      ["match/out_es/master.m3u8", "out_es", ["es", "en", "pt"]],
    ] as const) {
      const lines = await linesOf(path);
      expect(languages(lines)).toEqual([...order]);
      expect(lines).toContain(`http://tv.example/live/match/${output}/video1_stream.m3u8`);
      const audio = lines.find((line) => line.includes("TYPE=AUDIO"));
      const [name, tag] = output === "out" ? ["Português", "pt"] : ["Español", "es"];
      expect(audio).toBe(
        `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",DEFAULT=YES,URI="http://tv.example/live/match/${output}/audio2_stream.m3u8",NAME="${name}",LANGUAGE="${tag}"`,
      );
    }
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
      "match/out_fr/master.m3u8",
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
    [404, "match has no out_fr, but out, out_es"],
    [404, "a stream id is 1..64 of A-Z a-z 0-9 _ -"],
    [404, "match has captions in en, pt, es"],
    [404, "match has captions in en, pt, es"],
    [404, "match has captions in en, pt, es"],
    [404, "pt has no such segment, or no longer"],
    [404, "pt has no such segment, or no longer"],
  ]);
});
