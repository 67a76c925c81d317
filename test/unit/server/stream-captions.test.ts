import { describe, expect, test } from "bun:test";
import type { ClauseReport } from "../../../src/protocol/clause-report.ts";
import { captionPlaylist } from "../../../src/server/caption-playlist.ts";
import { masterPlaylist } from "../../../src/server/master-playlist.ts";
import { StreamCaptions } from "../../../src/server/stream-captions.ts";

const startUnixMs = 1_800_000_000_000;

/** Captions of a stream whose output stands at a second of stream time that the test sets. */
function stream() {
  let nowMs = startUnixMs;
  const captions = new StreamCaptions("en", ["en", "pt"], () => nowMs);
  /** The relay tells where it is, `lateMs` after it was there. */
  const play = (seconds: number, runId = "one", lateMs = 0) => {
    nowMs = startUnixMs + seconds * 1000 + lateMs;
    captions.played(runId, seconds * 1000);
  };
  return { captions, play, base: startUnixMs / 1000 };
}

function clause(id: string, startSecond: number, text: string): ClauseReport {
  const place = { startSample: startSecond * 48_000, endSample: (startSecond + 2) * 48_000 };
  const targets = [{ language: "pt", text: `pt ${text}`, ...place }];
  return { type: "clause", clauseId: id, sourceText: text, targets, ...place };
}

const textsOf = (captions: StreamCaptions, language: string, number: number) =>
  captions.segment(language, number)?.cues.map(({ lines }) => lines.join(" "));

describe("the captions of a stream", () => {
  test("cannot be asked for before its output moves, then up to the second that is on air", () => {
    const { captions, play, base } = stream();
    captions.add("one", clause("a", 1, "early"));
    expect(captions.window()).toBeUndefined();
    play(3.5);
    expect(captions.window()).toEqual({ first: base, last: base + 3, firstUnixMs: startUnixMs });
    expect(textsOf(captions, "en", base)).toEqual([]);
    expect(textsOf(captions, "en", base + 1)).toEqual(["early"]);
    expect(textsOf(captions, "pt", base + 2)).toEqual(["pt early"]);
    expect(captions.segment("en", base + 4)).toBeUndefined();
    expect(captions.segment("fr", base + 1)).toBeUndefined();
    expect(captions.segment("en", base + 1)).toMatchObject({
      startMs: 1000,
      startUnixMs: startUnixMs + 1000,
    });
  });

  test("slide: half a minute can be fetched, whatever the stream's age, and nothing else is kept", () => {
    const { captions, play, base } = stream();
    for (let second = 0; second < 3600; second += 2) {
      play(second);
      captions.add("one", clause(`c${second}`, second + 1, `at ${second}`));
    }
    const window = captions.window();
    expect(window).toMatchObject({ first: base + 3598 - 29, last: base + 3598 });
    expect(textsOf(captions, "en", base + 3597)).toEqual(["at 3596"]);
    expect(textsOf(captions, "en", base + 3500)).toBeUndefined();
  });

  test("stay as they were once they are on air, and later clauses make room", () => {
    const { captions, play, base } = stream();
    captions.add("one", clause("a", 1, "a text that takes its two seconds of time"));
    play(1);
    const before = captions.segment("en", base + 1)?.cues;
    captions.add("one", clause("b", 2, "another"));
    expect(captions.segment("en", base + 1)?.cues).toEqual(before ?? []);
    play(4);
    const [, second] = captions.segment("en", base + 3)?.cues ?? [];
    expect(second?.startMs ?? captions.segment("en", base + 3)?.cues[0]?.startMs).toBe(
      before![0]!.endMs,
    );
  });

  test("show a clause that is told of twice once, and one that comes long after its time not at all", () => {
    const { captions, play, base } = stream();
    const { targets, ...late } = clause("a", 5, "late dub");
    captions.add("one", { ...late, targets: [] });
    captions.add("one", { ...late, targets });
    play(5.5);
    expect(textsOf(captions, "en", base + 5)).toEqual(["late dub"]);
    expect(textsOf(captions, "pt", base + 5)).toEqual(["pt late dub"]);
    play(60);
    captions.add("one", clause("b", 40, "long gone"));
    expect(captions.counters).toEqual({ tooFast: 0, dropped: 0, late: 2 });
  });

  test("go by the earliest report of where the output is: a busy machine tells late, never early", () => {
    const { captions, play } = stream();
    play(1);
    for (const [index, lateMs] of [400, 30, 250].entries()) play(2 + index, "one", lateMs);
    expect(captions.window()?.firstUnixMs).toBe(startUnixMs);
  });

  test("count what nobody can read, over every run", () => {
    const { captions, play } = stream();
    const dense = "so many words that nobody can read them in the time that they take to be said";
    captions.add("one", { ...clause("a", 1, dense), targets: [], endSample: 1.2 * 48_000 });
    captions.add("one", { ...clause("b", 2, "the next one"), targets: [] });
    expect(captions.counters.tooFast).toBe(0);
    play(5);
    expect(captions.counters.tooFast).toBe(1);
    captions.played("two", 0);
    expect(captions.counters.tooFast).toBe(1);
  });

  test("begin anew with a new run, and their numbers go on", () => {
    const { captions, play, base } = stream();
    captions.add("one", clause("a", 1, "of the first run"));
    play(20);
    const last = captions.window()!.last;
    captions.played("two", 0);
    const window = captions.window();
    expect(window).toMatchObject({ first: base + 20, last: base + 20 });
    expect(window!.last).toBeGreaterThanOrEqual(last);
    expect(textsOf(captions, "en", base + 20)).toEqual([]);
  });
});

test("the playlist of a language numbers, dates and names its segments", () => {
  const text = captionPlaylist({ first: 7, last: 8, firstUnixMs: 0 }, startUnixMs, "pt", "?key=k");
  expect(text).toBe(
    [
      "#EXTM3U",
      "#EXT-X-VERSION:3",
      "#EXT-X-TARGETDURATION:1",
      "#EXT-X-MEDIA-SEQUENCE:7",
      "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z",
      "#EXTINF:1.000,",
      "pt/7.vtt?key=k",
      "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:01.000Z",
      "#EXTINF:1.000,",
      "pt/8.vtt?key=k",
      "",
    ].join("\n"),
  );
});

test("the master playlist keeps what MediaMTX says, with its addresses made absolute and the captions beside it", () => {
  const theirs =
    '#EXTM3U\n#EXT-X-VERSION:10\n\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio2",URI="audio2_stream.m3u8?session=s"\n\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="audio"\nvideo1_stream.m3u8?session=s\n';
  const base = "http://tv.example:8888/live/match/out/index.m3u8";
  const captions = [{ language: "pt-BR", uri: "captions/pt-BR.m3u8" }];
  expect(masterPlaylist(theirs, base, { dubbed: ["pt-BR"], captions })).toBe(
    [
      "#EXTM3U",
      "#EXT-X-VERSION:10",
      "",
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",URI="http://tv.example:8888/live/match/out/audio2_stream.m3u8?session=s",NAME="Português (Brasil)",LANGUAGE="pt-BR"',
      "",
      '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",NAME="Português (Brasil)",LANGUAGE="pt-BR",AUTOSELECT=YES,DEFAULT=NO,URI="captions/pt-BR.m3u8"',
      "",
      '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="audio",SUBTITLES="captions"',
      "http://tv.example:8888/live/match/out/video1_stream.m3u8?session=s",
      "",
    ].join("\n"),
  );
});
