import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { layOutCues } from "../../../src/captions/cue-layout.ts";
import { subRip } from "../../../src/captions/sub-rip.ts";
import { webVtt } from "../../../src/captions/web-vtt.ts";
import { parseWebVtt } from "./vtt-parser.ts";

describe("WebVTT", () => {
  test("keeps any text, markup characters and right-to-left scripts and emoji among it, through a strict parser", () => {
    const text = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 120 }),
      fc.constantFrom(
        "a --> b <b>&amp;</b> &",
        "שלום <עולם> 👨‍👩‍👧‍👦",
        "00:00:01.000 --> 00:00:02.000",
        "NOTE x\n\nSTYLE",
      ),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), (texts) => {
        const cues = layOutCues(
          texts.map((one, index) => ({
            text: one,
            startMs: index * 4000,
            endMs: index * 4000 + 3000,
          })),
        );
        const { cues: parsed } = parseWebVtt(webVtt(cues));
        expect(parsed).toEqual(
          cues.map(({ startMs, endMs, lines }) => ({ startMs, endMs, text: lines.join("\n") })),
        );
      }),
      { numRuns: 200 },
    );
  });

  test("a segment says which media time stands at its captions' time, wrapped at 33 bits", () => {
    const header = (mediaMs: number, localMs: number) =>
      parseWebVtt(webVtt([], { mediaMs, localMs })).header;
    expect(header(11_000, 3_723_004)).toEqual(["X-TIMESTAMP-MAP=MPEGTS:990000,LOCAL:01:02:03.004"]);
    expect(header(-1000, 0)).toEqual([
      `X-TIMESTAMP-MAP=MPEGTS:${2 ** 33 - 90_000},LOCAL:00:00:00.000`,
    ]);
    expect(header((2 ** 33 + 900) / 90, 0)).toEqual([
      "X-TIMESTAMP-MAP=MPEGTS:900,LOCAL:00:00:00.000",
    ]);
  });

  test("goes beyond 99 hours", () => {
    const cue = { startMs: 360_000_000, endMs: 360_001_000, lines: ["late"], tooFast: false };
    expect(webVtt([cue])).toContain("100:00:00.000 --> 100:00:01.000");
  });
});

test("SubRip numbers its cues and writes no second timing line into one", () => {
  const cues = layOutCues([
    { text: "a --> b", startMs: 500, endMs: 2000 },
    { text: "c", startMs: 3000, endMs: 4000 },
  ]);
  expect(subRip(cues)).toBe(
    "1\n00:00:00,500 --> 00:00:02,000\na → b\n\n2\n00:00:03,000 --> 00:00:04,000\nc\n",
  );
});
