import { z } from "zod";
import { type ClauseMessage, fragmentProcessedSchema } from "../../src/protocol/sts-fragment.ts";
import { StsClient } from "../support/sts-client.ts";

export const uplinkRateHz = 16_000;
export const dubRateHz = 24_000;
/** What our worker sends in clause mode. */
const liveFragmentMs = 320;
const fileFragmentMs = 500;
/** From the last sample's capture to its sending: gate, queue, transport. */
const wayMs = 60;
/** A busy machine may take this long for an answer of a file. */
const patienceMs = 600_000;

export interface ClauseRunOptions {
  readonly url: string;
  /** Mono, 16 kHz, -1..1. */
  readonly sound: Float32Array;
  readonly source: string;
  readonly target: string;
  /** D of a live run by the wall clock; absent: as a file. */
  readonly playoutDelayMs?: number;
}

export interface ClauseRun {
  /** Every clause whose fate was told, in order. */
  readonly clauses: readonly ClauseMessage[];
  /** Mono at {@link dubRateHz}, on the sound's timeline. */
  readonly dub: Float32Array;
  readonly answers: number;
  /** Answers that said that their words missed their time. */
  readonly missed: number;
  /** Answers that came after their first sample would have aired. */
  readonly late: number;
  /** Least time between an answer and its air, ms; Infinity of a file. */
  readonly tightestMs: number;
}

const ready = z.looseObject({ max_inflight: z.number() });

/** Dubs a sound through a sidecar's clause session, and gathers what it answers. */
export async function runClauses(options: ClauseRunOptions): Promise<ClauseRun> {
  const { sound, playoutDelayMs } = options;
  const fragmentMs = playoutDelayMs === undefined ? fileFragmentMs : liveFragmentMs;
  const streamId = `bench-${crypto.randomUUID().slice(0, 8)}`;
  using client = await StsClient.connect(options.url);
  const grant = ready.parse(
    await client.init({
      stream_id: streamId,
      config: {
        source_language: options.source,
        target_language: options.target,
        chunk_duration_ms: fragmentMs,
        binary_audio: true,
        dub_sample_rate_hz: dubRateHz,
        dub_channels: 1,
        ...(playoutDelayMs === undefined
          ? { pacing: "file" }
          : { playout_delay_ms: playoutDelayMs }),
      },
    }),
  );
  const samples = (fragmentMs * uplinkRateHz) / 1000;
  const count = Math.floor(sound.length / samples);
  const startedAtMs = performance.now();
  for (let i = 0; i < count; i++) {
    if (playoutDelayMs === undefined) {
      const behind = i - grant.max_inflight + 1;
      if (behind > 0) await client.count("fragment:processed", behind, patienceMs);
    } else {
      const dueMs = startedAtMs + (i + 1) * fragmentMs + wayMs;
      await Bun.sleep(Math.max(0, dueMs - performance.now())); // sound comes as it is captured
    }
    const airsAtMs = startedAtMs + i * fragmentMs + (playoutDelayMs ?? 0);
    const piece = sound.subarray(i * samples, (i + 1) * samples);
    client.send("fragment:data", {
      fragment_id: `f${i}`,
      stream_id: streamId,
      sequence_number: i,
      timestamp: Date.now(),
      audio: {
        format: "pcm_s16le",
        sample_rate_hz: uplinkRateHz,
        channels: 1,
        duration_ms: fragmentMs,
        data: bytesOf(piece),
        ...(playoutDelayMs !== undefined && {
          deadline_ms: Math.round(airsAtMs - performance.now()),
        }),
      },
      metadata: { pts_ns: i * fragmentMs * 1e6 },
    });
  }
  client.send("stream:end", { stream_id: streamId });
  await client.next("stream:complete", () => true, 0, patienceMs);
  const answers = client.received
    .filter(({ event }) => event === "fragment:processed")
    .map(({ message, atMs }) => ({ answer: fragmentProcessedSchema.parse(message), atMs }));
  const dub = new Float32Array(Math.round((count * fragmentMs * dubRateHz) / 1000));
  let tightestMs = Number.POSITIVE_INFINITY;
  let late = 0;
  for (const { answer, atMs } of answers) {
    const startMs = answer.sequence_number * fragmentMs;
    const data = answer.dubbed_audio?.data;
    if (data !== undefined) dub.set(floatsOf(data), Math.round((startMs * dubRateHz) / 1000));
    if (playoutDelayMs === undefined) continue;
    const leftMs = startedAtMs + startMs + playoutDelayMs - atMs;
    tightestMs = Math.min(tightestMs, leftMs);
    if (leftMs < 0) late++;
  }
  const clauses = answers
    .flatMap(({ answer }) => answer.clauses ?? [])
    .filter(({ status }) => status !== "late");
  const missed = answers.filter(({ answer }) => answer.status === "failed").length;
  return { clauses, dub, answers: answers.length, missed, late, tightestMs };
}

function bytesOf(sound: Float32Array): Buffer {
  const pcm = Int16Array.from(sound, (sample) =>
    Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768))),
  );
  return Buffer.from(pcm.buffer);
}

function floatsOf(bytes: Uint8Array): Float32Array {
  const pcm = new Int16Array(bytes.slice().buffer);
  return Float32Array.from(pcm, (sample) => sample / 32_768);
}
