import { expect } from "bun:test";
import { floatToPcm16 } from "../../../src/audio/pcm.ts";
import { relayWorkerProtocolVersion } from "../../../src/protocol/relay-worker.ts";
import type { ClauseReport } from "../../../src/protocol/clause-report.ts";
import { decodeAnswerAudio } from "../../../src/sts/answer-audio.ts";
import { monotonicClock } from "../../../src/sts/clock.ts";
import { openClient } from "../../../src/sts/open-client.ts";
import type { Vad } from "../../../src/vad/silero.ts";
import { clausePieceMs } from "../../../src/worker/clause-dubbing.ts";
import type { SettledFragment } from "../../../src/worker/settled-fragment.ts";
import { StreamWorker } from "../../../src/worker/stream-worker.ts";
import { RecordingLink } from "../../unit/worker/recording-link.ts";
import {
  ScriptedSidecar,
  type ReceivedFragment,
  type SidecarScript,
} from "../sts-client/scripted-sidecar.ts";
import { asPcmMessages, buzz, loudnessDetector } from "./sound-of-speech.ts";

const open: AsyncDisposable[] = [];

/** Closes every worker and sidecar of the test that has ended; for `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const owned of open.splice(0).toReversed()) await owned[Symbol.asyncDispose]();
}

export const second = 48_000;
/** What a scripted sidecar with a real engine, and with our extensions, tells of itself. */
export const real = { health: { status: "healthy", mode: "real", pairs: [["en", "pt"]] } };
export const binary = { extensions: ["speech", "binary_audio"] };

/** A worker of one run between a recorded link and a scripted sidecar, its session open. */
export async function startWorker(
  script: SidecarScript,
  options: {
    pacing?: "live" | "file";
    playoutDelayMs?: number;
    passthrough?: boolean;
    vad?: Vad;
    languages?: readonly string[];
    fragmentMs?: number;
    overlapMs?: number;
    onEvent?: (level: string, code: string, message: string) => void;
  } = {},
) {
  const { pacing = "live", playoutDelayMs = 6000, passthrough = false } = options;
  const { languages = ["pt"] } = options;
  const server = new ScriptedSidecar(script);
  const link = new RecordingLink();
  const fragments: SettledFragment[] = [];
  const clauses: ClauseReport[] = [];
  const ready = Promise.withResolvers<void>();
  const client = passthrough
    ? undefined
    : openClient({
        endpoints: [{ url: server.url }],
        protocol: "ws",
        wish: {
          streamId: "match",
          workerId: "w",
          sourceLanguage: "en",
          targetLanguage: "pt",
          voice: "default",
          pacing,
          chunkMs: clausePieceMs[pacing],
          furtherLanguages: languages.slice(1),
          ...(pacing === "live" ? { playoutDelayMs } : {}),
          maxInflight: Math.min(10, script.maxInflight ?? 3),
          timeoutMs: 8000,
        },
        timeoutMs: 8000,
        maxRetries: 1,
        breakerThreshold: 5,
        breakerOpenMs: 30_000,
        clock: monotonicClock,
        firstReconnectMs: 50,
        onEvent: (_level, code) => {
          if (code === "sts-ready") ready.resolve();
        },
      });
  client?.start();
  if (client) await ready.promise;
  const worker = new StreamWorker({
    workerId: "w",
    link,
    client,
    languages,
    fragmentMs: options.fragmentMs,
    overlapMs: options.overlapMs,
    vad: options.vad ?? loudnessDetector(),
    decode: (audio) => decodeAnswerAudio(audio, second, () => Promise.reject(new Error("no m4a"))),
    clock: monotonicClock,
    onFragment: (fragment) => fragments.push(fragment),
    onClause: (clause) => clauses.push(clause),
    onEvent: options.onEvent ?? (() => {}),
  });
  open.push(server, { [Symbol.asyncDispose]: () => worker.close() });
  worker.start();
  link.onMessage({
    type: "hello",
    version: relayWorkerProtocolVersion,
    streamId: "match",
    runId: "run",
    pacing,
    playoutDelayMs,
  });
  /** Lets the worker hear a sound that starts at `startSample` and airs D later. */
  const hear = (mono: Float32Array, startSample = 0) => {
    const airsInMs = playoutDelayMs + startSample / 48;
    for (const message of asPcmMessages(mono, airsInMs, startSample)) link.onMessage(message);
    return startSample + mono.length;
  };
  const finish = async (atSample: number) => {
    link.onMessage({ type: "end", atSample });
    await worker.done;
  };
  return { worker, link, server, client, fragments, clauses, hear, finish };
}

/** The stretches that were settled follow each other without gap or overlap, up to the end. */
export function expectWhole(link: RecordingLink, atSample: number): void {
  let covered = 0;
  for (const { startSample, endSample } of link.regions) {
    expect(startSample).toBe(covered);
    covered = endSample;
  }
  expect(covered).toBe(atSample);
  expect(link.sent.at(-1)).toEqual({ type: "done" });
}

/** A second of silence, 1.5 s of speech, two of silence. */
export const speech = buzz([
  { seconds: 1, speaks: false },
  { seconds: 1.5, speaks: true },
  { seconds: 2, speaks: false },
]);

/** A Portuguese "dub" of `seconds` at 24 kHz. */
export function dubOf(
  one: ReceivedFragment,
  seconds: number,
  changes: Record<string, unknown> = {},
) {
  const samples = Float32Array.from({ length: seconds * 24_000 }, (_, i) => 0.4 * Math.sin(i / 9));
  return {
    fragment_id: one.fragment_id,
    stream_id: one.stream_id,
    sequence_number: one.sequence_number,
    status: "success",
    dubbed_audio: {
      format: "pcm_s16le",
      sample_rate_hz: 24_000,
      channels: 1,
      duration_ms: seconds * 1000,
      data: Buffer.from(floatToPcm16(samples)),
    },
    transcript: "Good evening.",
    translated_text: "Boa noite.",
    processing_time_ms: 7,
    stage_timings: { asr_ms: 3, translation_ms: 1, tts_ms: 3 },
    metadata: { asr_model: "whisper-base", speed_ratio: 1.1 },
    ...changes,
  };
}
