import { z } from "zod";
import { clauseReport } from "./clause-report.ts";

/**
 * What `serve` says to the relays and workers it spawned, and they to it, over the IPC channel of
 * `process/bun-child.ts`. Settings and secrets travel here, never in argv.
 */

/** What the relay plays where no dub came in time (design section 4). */
export const fallbackMode = z.enum(["original", "background", "ducked", "repeat_last", "silence"]);
export type FallbackMode = z.infer<typeof fallbackMode>;

/** How a mix is balanced (settings `WORKER_BED_DUCK_DB` and those after it). */
export const mixTuning = z.object({
  /** How far a separated bed and an unseparated original are lowered under a dub, in dB. */
  bedDuckDb: z.number(),
  originalDuckDb: z.number(),
  duckAttackMs: z.number(),
  duckHoldMs: z.number(),
  duckReleaseMs: z.number(),
  /** Bring the dub to the loudness of the speech it replaces. */
  levelDub: z.boolean(),
  /** Loudness of the whole programme, in LUFS; absent: the source's. */
  loudnessTarget: z.number().optional(),
});
export type MixTuning = z.infer<typeof mixTuning>;

export const relaySpec = z.object({
  streamId: z.string(),
  runId: z.string(),
  instanceId: z.string(),
  /** Where `live/<id>/in` is read; may carry a secret in its query, so it is never logged whole. */
  inputUrl: z.string(),
  /** One output per target language; the first is `live/<id>/out`. */
  languages: z.array(z.string()).min(1),
  /** The name under which a URL is asked for an output with the sound of every language; absent: there is none. */
  joint: z.string().optional(),
  /** 0600 Unix socket on which the relay listens for its worker. */
  socketPath: z.string(),
  ffmpegPath: z.string(),
  /**
   * Folder where the relay writes short MP4s of the stream's own keyframe, which the media server plays on
   * the outputs while no push is there; absent: outputs end with their push.
   */
  fillerFolder: z.string().optional(),
  playoutDelayMs: z.number().int(),
  fallback: fallbackMode,
  /** Play the original where a dub stands but no bed does: `duck` it under the dub, or `skip` the dub. */
  withoutBed: z.enum(["duck", "skip"]),
  bgGain: z.number(),
  dubGain: z.number(),
  /** Absent: the defaults of the settings. */
  tuning: mixTuning.optional(),
});
export type RelaySpec = z.infer<typeof relaySpec>;

export const supervisorToRelay = z.discriminatedUnion("type", [
  z.object({ type: z.literal("configure"), spec: relaySpec }),
  /** A publisher is on the input path; `sourceId` changes when it is another one. */
  z.object({ type: z.literal("input-available"), sourceId: z.string() }),
  z.object({ type: z.literal("input-lost"), sourceId: z.string() }),
  /** The answer to `push-request`: a URL whose nonce is valid for one publish. */
  z.object({ type: z.literal("push-url"), request: z.number().int(), url: z.string() }),
  z.object({ type: z.literal("set-fallback"), fallback: fallbackMode }),
  z.object({ type: z.literal("stop") }),
]);
export type SupervisorToRelay = z.infer<typeof supervisorToRelay>;

/** What a relay measures, sent every second; counters count since its start. */
export const relayStatus = z.object({
  type: z.literal("status"),
  /** `waiting` no input; `filling` the delay line fills; `live` out is fed; `gap` the publisher is away. */
  state: z.enum(["waiting", "filling", "live", "gap", "stopping"]),
  uptimeMs: z.number(),
  /** Stream time written so far, in samples. */
  playedSamples: z.number(),
  /** Audio minus video time of what was written last, by our own stamps. */
  avDeltaMs: z.number().nullable(),
  /** Arrival to write, beyond D: 0 is exact. */
  lateMs: z.number().nullable(),
  workerConnected: z.boolean(),
  /** What the block written last came from. */
  playing: z.enum(["original", "dub", "replace", "fallback", "filler", "none"]),
  videoQueue: z.number(),
  audioQueue: z.number(),
  counters: z.record(z.string(), z.number()),
});
export type RelayStatus = z.infer<typeof relayStatus>;

export const relayToSupervisor = z.discriminatedUnion("type", [
  /** The Unix socket listens; the worker may connect. */
  z.object({ type: z.literal("ready") }),
  z.object({
    type: z.literal("push-request"),
    request: z.number().int(),
    language: z.string(),
    /** The filler that the output is to play without a push: a file in `fillerFolder`. */
    filler: z.string().optional(),
  }),
  relayStatus,
  z.object({
    type: z.literal("event"),
    level: z.enum(["info", "warn", "error"]),
    /** A stable code such as `pull-failed`, `unsupported-video`, `push-failed`. */
    code: z.string(),
    message: z.string(),
  }),
]);
export type RelayToSupervisor = z.infer<typeof relayToSupervisor>;

/** The nets that can separate a bed (`separation/`), best first: SI-SDR, then cost, by `test/bench/separation.ts`. */
export const separationNets = ["dtln", "dfn3", "gtcrn-wasm", "gtcrn"] as const;

export const workerSpec = z.object({
  streamId: z.string(),
  runId: z.string(),
  instanceId: z.string(),
  workerId: z.string(),
  socketPath: z.string(),
  mode: z.enum(["enabled", "passthrough"]),
  sourceLanguage: z.string(),
  targetLanguages: z.array(z.string()).min(1),
  voice: z.string(),
  playoutDelayMs: z.number().int(),
  /** Fixed fragment length; absent: chosen by pacing and D (contract 2.13). */
  fragmentMs: z.number().int().optional(),
  /** What fragments hear of the one before them again, ms; absent: nothing. */
  overlapMs: z.number().int().min(0).max(200).optional(),
  sts: z.object({
    endpoints: z.array(z.object({ url: z.string(), key: z.string().optional() })).min(1),
    protocol: z.enum(["ws", "http"]),
    timeoutMs: z.number().int(),
    maxRetries: z.number().int(),
    maxInflight: z.number().int(),
    breakerThreshold: z.number().int(),
    breakerOpenMs: z.number().int(),
  }),
  /** Where this run's bundle is written and what goes into it; absent: none is kept. */
  bundle: z
    .object({ root: z.string(), capture: z.enum(["metadata", "media", "debug"]) })
    .optional(),
  /** Silero weights for the gate; absent: no gating, everything is sent. */
  vadModelPath: z.string().optional(),
  /** The net that separates the bed, and where it is; absent: no separation. */
  separation: z
    .object({ net: z.enum(separationNets), files: z.array(z.string()).readonly() })
    .optional(),
});
export type WorkerSpec = z.infer<typeof workerSpec>;

export const supervisorToWorker = z.discriminatedUnion("type", [
  z.object({ type: z.literal("configure"), spec: workerSpec }),
  z.object({ type: z.literal("stop") }),
]);
export type SupervisorToWorker = z.infer<typeof supervisorToWorker>;

/** What a worker measures, sent every second and at each answered fragment's end. */
export const workerStatus = z.object({
  type: z.literal("status"),
  sts: z.object({
    state: z.enum(["connecting", "ready", "paused", "refused", "disconnected", "off"]),
    /** `echo` and `tone` engines are shown as such everywhere; null until the sidecar has said. */
    engine: z.string().nullable(),
    endpoint: z.string(),
    lastError: z.string().nullable(),
    reconnects: z.number(),
  }),
  breaker: z.enum(["closed", "half-open", "open"]),
  inflight: z.number(),
  counters: z.record(z.string(), z.number()),
  lastText: z.object({ source: z.string(), translated: z.string() }).nullable(),
  /** The newest of what is being said beyond the clauses; the first `stableChars` will not change any more. */
  partial: z.object({ text: z.string(), stableChars: z.number() }).nullable(),
});
export type WorkerStatus = z.infer<typeof workerStatus>;

/** One settled fragment, for metrics and the status page. */
export const fragmentReport = z.object({
  type: z.literal("fragment"),
  fragmentId: z.string(),
  sequenceNumber: z.number().nullable(),
  startSample: z.number(),
  endSample: z.number(),
  /** `no-speech`: nothing to dub; `fallback`: with the reason. */
  outcome: z.enum(["dubbed", "partial", "no-speech", "fallback"]),
  reason: z.string().nullable(),
  transcript: z.string(),
  translatedText: z.string(),
  tempo: z.number().nullable(),
  processingTimeMs: z.number().nullable(),
  roundTripMs: z.number().nullable(),
  stageTimings: z
    .object({ asr_ms: z.number(), translation_ms: z.number(), tts_ms: z.number() })
    .nullable(),
});
export type FragmentReport = z.infer<typeof fragmentReport>;

export const workerToSupervisor = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready") }),
  workerStatus,
  fragmentReport,
  clauseReport,
  z.object({
    type: z.literal("event"),
    level: z.enum(["info", "warn", "error"]),
    code: z.string(),
    message: z.string(),
  }),
]);
export type WorkerToSupervisor = z.infer<typeof workerToSupervisor>;
