import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadEdgeConfig } from "../../../src/config/edge-config.ts";
import type { PathInfo } from "../../../src/mediamtx/control-api.ts";
import { OutputPaths } from "../../../src/orchestrator/output-paths.ts";
import { StreamEgress } from "../../../src/orchestrator/stream-egress.ts";
import {
  StreamRegistry,
  type RegistryObserver,
  type RegistryOptions,
} from "../../../src/orchestrator/stream-registry.ts";
import { accessRequest } from "../../../src/protocol/hooks.ts";
import { createLogger } from "../../../src/telemetry/log.ts";

const log = createLogger({ level: "silent", format: "json" });
const observer: RegistryObserver = {
  childSpawned() {},
  childGone() {},
  relayMeasured() {},
  workerMeasured() {},
  fragmentSettled() {},
  clauseSettled() {},
  processEvent() {},
  restarted() {},
  ingested() {},
  sessionEnded() {},
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "registry-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A registry without a grace period, of which every stream's processes are real and have nothing to read. */
function openRegistry(
  judgesPublishers: boolean,
  { targets = "pt", kick = () => {} }: { targets?: string; kick?: RegistryOptions["kick"] } = {},
): StreamRegistry {
  const config = loadEdgeConfig({ WORKER_TARGET_LANG: targets, WORKER_STS_MODE: "disabled" });
  const environment = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" };
  return new StreamRegistry({
    log,
    config,
    access: { publishKeys: undefined, hlsIsPublic: false },
    controlSecret: "control-secret",
    policy: {
      graceMs: 0,
      prepareMs: 10_000,
      restartDelayMs: () => 50,
      degradedAfter: 10,
      withWorker: false,
    },
    common: {
      ffmpegPath: "/nowhere/ffmpeg",
      environment,
      socketFolder: folder,
      keepsOutputs: false,
      edgeId: "edge",
      vadModelPath: undefined,
      withoutBed: "duck",
      bgGain: 1,
      dubGain: 1,
      fragmentMs: undefined,
      overlapMs: 0,
      jointOutput: true,
      stsMode: "disabled",
      bundle: undefined,
      sts: {
        protocol: "ws",
        timeoutMs: 8000,
        maxRetries: 1,
        maxInflight: 3,
        breakerThreshold: 5,
        breakerOpenMs: 30_000,
      },
    },
    startWithinMs: 15_000,
    maxStreams: 0,
    judgesPublishers,
    overridesPublishers: false,
    kick,
    outputs: new OutputPaths({ api: () => undefined, log }),
    expectNews: () => {},
    rtmpBase: "rtmp://127.0.0.1:1",
    endpoints: () => [],
    unsupported: () => undefined,
    createEgress: ({ streamId, runId }) =>
      new StreamEgress({
        streamId,
        runId,
        destinations: [],
        inputUrl: () => "rtmp://127.0.0.1:1/live/match/out",
        ffmpegPath: "/nowhere/ffmpeg",
        settings: config.values,
        environment,
        logger: log,
        onState: () => {},
        childSpawned: () => {},
        childGone: () => {},
      }),
    observer,
  });
}

function publish(registry: StreamRegistry, id: string, query: string): boolean {
  const path = "live/match/in";
  const ask = { ip: "127.0.0.1", action: "publish", path, protocol: "rtmp", id, query };
  return registry.judge(accessRequest.parse(ask)).allow;
}

function publishedBy(id: string): PathInfo[] {
  const source = { type: "rtmpConn", id };
  const media = { available: true, online: true, tracks: ["H264"], readers: 0, inboundBytes: 1 };
  return [{ name: "live/match/in", source, ...media }];
}

const language = (registry: StreamRegistry) => registry.session("match")?.settings.targetLanguage;

test("a publisher that follows another within one look gets the language that it asked for", async () => {
  const registry = openRegistry(true);
  expect(publish(registry, "first", "lang=es")).toBe(true);
  registry.observe(publishedBy("first"));
  expect(language(registry)).toBe("es");
  const ended = registry.session("match")?.ended;
  // The first has gone and the second been let in before anybody looked.
  expect(publish(registry, "second", "lang=fr")).toBe(true);
  registry.observe([]);
  registry.noteQuery("match", "lang=fr");
  await ended;
  registry.observe(publishedBy("second"));
  expect(language(registry)).toBe("fr");
  await registry.close();
}, 20_000);

test("a hook that comes while the last session still stops tells the next one's language", async () => {
  const registry = openRegistry(false);
  registry.noteQuery("match", "lang=es");
  registry.observe(publishedBy("first"));
  const ended = registry.session("match")?.ended;
  registry.noteQuery("match", "lang=de");
  registry.observe([]);
  registry.noteQuery("match", "lang=fr");
  await ended;
  registry.observe(publishedBy("second"));
  expect(language(registry)).toBe("fr");
  await registry.close();
}, 20_000);

test("a push that holds an output and sends nothing is ended, whichever language's it is", async () => {
  const kicked: string[] = [];
  const registry = openRegistry(true, { targets: "pt,es,fr", kick: ({ id }) => kicked.push(id) });
  expect(publish(registry, "first", "")).toBe(true);
  let now = performance.now();
  const clock = spyOn(performance, "now").mockImplementation(() => now);
  const names = ["out", "out_mul", "out_es", "out_fr"];
  const silent = new Set(["out_mul", "out_es"]);
  for (let look = 0; look < 8; look++) {
    const outputs = names.map((name) => ({
      ...{ name: `live/match/${name}`, source: { type: "rtmpConn", id: `push of ${name}` } },
      ...{ available: true, online: true, tracks: ["H264"], readers: 0 },
      inboundBytes: silent.has(name) && look > 2 ? 3000 : look * 1000,
    }));
    registry.observe([...publishedBy("first"), ...outputs]);
    now += 500;
  }
  clock.mockRestore();
  expect(kicked).toEqual(["push of out_mul", "push of out_es"]);
  await registry.close();
}, 20_000);
