import { expect, test } from "bun:test";
import { statusLine, textLines } from "../../../src/commands/demo-lines.ts";
import type { StreamView } from "../../../src/orchestrator/stream-view.ts";

/** A stream in the middle of its life, as the API shows it. */
function liveStream(engine: string, sts: "ready" | "disconnected" = "ready"): StreamView {
  return {
    streamId: "demo",
    state: "running",
    runId: "20261122T010203Z-ab12cd",
    startedAt: "2026-11-22T01:02:03.000Z",
    sourceLanguage: "en",
    targetLanguage: "pt",

    furtherLanguages: [],
    voice: "default",
    playoutDelayMs: 6000,
    fallback: "original",
    publisher: null,
    outAvailable: true,
    relay: {
      pid: 1,
      instanceId: "a",
      restarts: 0,
      status: {
        type: "status",
        state: "live",
        uptimeMs: 1000,
        playedSamples: 48_000,
        avDeltaMs: -2.4,
        lateMs: 1,
        workerConnected: true,
        playing: "dub",
        videoQueue: 1,
        audioQueue: 1,
        counters: {},
      },
    },
    worker: {
      pid: 2,
      instanceId: "b",
      restarts: 0,
      status: {
        type: "status",
        sts: { state: sts, engine, endpoint: "", lastError: null, reconnects: 0 },
        breaker: "closed",
        inflight: 0,
        counters: { outcome_dubbed: 3, outcome_partial: 1, outcome_fallback: 2 },
        lastText: { source: "Good evening.", translated: "Boa noite." },
        partial: null,
      },
    },
    egress: [],
    watch: { rtmp: "", hls: "", further: [] },
    events: [],
  };
}

test("a status line says state, delay, sync and what became of the fragments", () => {
  expect(statusLine(liveStream("whisper-base"))).toBe(
    "live     delay 6.0 s  A/V -2 ms  dubbed 4  fallback 2  playing dub",
  );
});

test("an engine that is not real says so in every line", () => {
  expect(statusLine(liveStream("echo"))).toContain("ENGINE: echo, not a real dub");
});

test("a sidecar that is away is named", () => {
  expect(statusLine(liveStream("whisper-base", "disconnected"))).toContain("sidecar disconnected");
});

test("texts are shown once, in both languages", () => {
  const stream = liveStream("whisper-base");
  const lines = textLines(stream, undefined);
  expect(lines).toBe("    en  Good evening.\n    pt  Boa noite.");
  expect(textLines(stream, lines)).toBeUndefined();
});
