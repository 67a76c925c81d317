import { expect, test } from "bun:test";
import { unsupportedTracks } from "../../../src/orchestrator/input-tracks.ts";

test("what is carried is no problem, nor is a track that is missing", () => {
  expect(unsupportedTracks(["H264", "MPEG-4 Audio"])).toBeUndefined();
  expect(unsupportedTracks(["H265", "Opus", "KLV"])).toBeUndefined();
  expect(unsupportedTracks(["H264"])).toBeUndefined();
  expect(unsupportedTracks([])).toBeUndefined();
});

test("what is not carried is named, with what would be right", () => {
  expect(unsupportedTracks(["VP8", "Opus"])).toBe("VP8 cannot be carried: publish H.264, or H.265");
  expect(unsupportedTracks(["H264", "G722"])).toBe(
    "sound in G722 cannot be carried: publish AAC, or Opus",
  );
});
