import type { ApplianceView } from "../../../src/orchestrator/appliance-view.ts";
import type { StreamRow } from "../../../src/console/alerts.ts";

type Worker = NonNullable<StreamRow["worker"]["status"]>;
type Relay = NonNullable<StreamRow["relay"]["status"]>;

export const workerStatus = (change: Partial<Worker> = {}): Worker => ({
  type: "status",
  sts: {
    state: "ready",
    engine: "whisper-base + bergamot + kokoro",
    endpoint: "http://127.0.0.1:8000",
    lastError: null,
    reconnects: 0,
  },
  breaker: "closed",
  inflight: 2,
  counters: {},
  lastText: {
    source: "And so, my fellow Americans, ask not what your country can do for you.",
    translated: "E assim, meus compatriotas americanos, não perguntem o que o país pode fazer.",
  },
  partial: null,
  ...change,
});

export const relayStatus = (change: Partial<Relay> = {}): Relay => ({
  type: "status",
  state: "live",
  uptimeMs: 840_000,
  playedSamples: 40_320_000,
  avDeltaMs: 2.7,
  lateMs: 84,
  workerConnected: true,
  playing: "dub",
  videoQueue: 150,
  audioQueue: 300,
  counters: {},
  ...change,
});

/** A stream as `serve` shows it when all is well. */
export const streamRow = (change: Partial<StreamRow> = {}): StreamRow => ({
  streamId: "match",
  state: "running",
  runId: "20261122T010203Z-ab12cd",
  startedAt: "2026-11-22T01:00:00.000Z",
  sourceLanguage: "en",
  targetLanguage: "pt",

  furtherLanguages: [],
  voice: "default",
  playoutDelayMs: 6000,
  fallback: "original",
  publisher: {
    id: "c1",
    type: "rtmpConn",
    tracks: ["H264", "MPEG-4 Audio"],
    inboundBytes: 123_456_789,
  },
  outAvailable: true,
  relay: { pid: 11, instanceId: "i1", restarts: 0, status: relayStatus() },
  worker: { pid: 12, instanceId: "i2", restarts: 0, status: workerStatus() },
  egress: [],
  watch: {
    further: [],
    rtmp: "rtmp://127.0.0.1:1935/live/match/out",
    hls: "http://127.0.0.1:8888/live/match/out/",
  },
  events: [
    { at: "2026-11-22T01:00:03.000Z", level: "info", code: "state", message: "idle → starting" },
    { at: "2026-11-22T01:00:11.000Z", level: "info", code: "state", message: "starting → running" },
  ],
  fragments: { dubbed: 312, partial: 4, noSpeech: 41, fallback: 7, reasons: { timeout: 7 } },
  ...change,
});

export const destination = (
  change: Partial<StreamRow["egress"][number]> = {},
): StreamRow["egress"][number] => ({
  streamId: "match",
  runId: "20261122T010203Z-ab12cd",
  instanceId: "i3",
  destination: "youtube",
  destHost: "a.rtmp.youtube.com",
  destApp: "live2",
  state: "forwarding",
  pid: 13,
  restarts: 0,
  bytesOut: 98_765_432,
  retries: {},
  connectLatencyMs: { input: 2100, output: 130 },
  lastError: null,
  lastExitCode: null,
  ...change,
});

export const applianceView = (change: Partial<ApplianceView> = {}): ApplianceView => ({
  version: "0.1.0",
  startedAt: "2026-11-21T22:00:00.000Z",
  publish: { url: "rtmp://127.0.0.1:1935/live/STREAM/in", keyNeeded: true },
  mediaServer: { restarts: 0, reachable: true },
  sidecars: [
    {
      url: "http://127.0.0.1:8000",
      state: "ready",
      engine: "real",
      pairs: [
        ["en", "pt"],
        ["pt", "en"],
      ],
      detail: null,
    },
  ],
  streams: [],
  refusals: [],
  ...change,
});
