import { expect, test } from "bun:test";
import { redactUrl } from "../../../src/telemetry/redact.ts";

test("a shown URL has no user, password or query", () => {
  expect(redactUrl("rtmp://user:pass@host:1935/live/match/in?key=abc")).toBe(
    "rtmp://host:1935/live/match/in",
  );
});

test("a push destination's stream key is hidden", () => {
  expect(redactUrl("rtmps://a.example/app/secret-key", { dropLastSegment: true })).toBe(
    "rtmps://a.example/app/***",
  );
});

test("text that is no URL is not shown", () => {
  expect(redactUrl("secret")).toBe("(not a URL)");
});
