import { z } from "zod";

/**
 * What a relay and its worker say to each other.
 *
 * The relay listens on a 0600 Unix socket in the state directory and the worker connects; in file mode
 * both live in one process and the same messages travel over an in-memory link. Every position is
 * *stream time*: the count of 48 kHz samples since the run's first audio sample.
 *
 * Order of events: relay `hello` → worker `hello` → relay `pcm`… while the worker answers with `audio`
 * and `region` messages addressed by start sample. A region settles how its samples are to be played;
 * its `audio` messages are sent before it. Either side sends `heartbeat` at least every 500 ms.
 */
export const relayWorkerProtocolVersion = 2;

/** Samples a second of stream time, and of every PCM block between relay and worker. */
export const streamSampleRateHz = 48_000;

/**
 * How a settled region is played:
 * `original` no speech in it, the source passes untouched;
 * `dub` the dub over the bed (or over the ducked original while there is no bed);
 * `replace` the worker's audio alone, in place of the original (echo or tone engine);
 * `fallback` no dub came: the stream's configured fallback.
 */
export const regionKind = z.enum(["original", "dub", "replace", "fallback"]);
export type RegionKind = z.infer<typeof regionKind>;

const sample = z.number().int().min(0);

export const relayHello = z.object({
  type: z.literal("hello"),
  version: z.literal(relayWorkerProtocolVersion),
  streamId: z.string(),
  runId: z.string(),
  pacing: z.enum(["live", "file"]),
  /** Delay between a sample's arrival and its playout; 0 with pacing `file`. */
  playoutDelayMs: z.number().int().min(0),
});
export type RelayHello = z.infer<typeof relayHello>;

export const workerHello = z.object({
  type: z.literal("hello"),
  version: z.literal(relayWorkerProtocolVersion),
  workerId: z.string(),
  /** It separates: every sample's bed will be told by `bed` and `bed-stretch`, in order. */
  separates: z.boolean().optional(),
});

/** relay → worker: interleaved stereo s16le PCM; contiguous unless the relay had to drop (then a hole). */
export interface PcmMessage {
  readonly type: "pcm";
  readonly startSample: number;
  /** Milliseconds from the sending of this message until its first sample airs; 0 with pacing `file`. */
  readonly airsInMs: number;
  readonly pcm: Uint8Array;
}

/** worker → relay: mono s16le dub at 48 kHz for one language, starting at `startSample`. */
export interface AudioMessage {
  readonly type: "audio";
  readonly language: string;
  readonly startSample: number;
  readonly pcm: Uint8Array;
  /** So many of its first samples take over from the dub that sounds there already; absent: none, both sound. */
  readonly crossfadeSamples?: number | undefined;
}

/** worker → relay: how [startSample, endSample) is to be played; settles that stretch of stream time. */
export const regionMessage = z.object({
  type: z.literal("region"),
  language: z.string(),
  startSample: sample,
  endSample: sample,
  kind: regionKind,
  fragmentId: z.string().optional(),
});
export type RegionMessage = z.infer<typeof regionMessage>;

/** worker → relay: interleaved stereo s16le, the original without its speech, starting at `startSample`. */
export interface BedMessage {
  readonly type: "bed";
  readonly startSample: number;
  readonly pcm: Uint8Array;
}

/**
 * worker → relay: a stretch that needs no bed of its own. `original`: no speech is heard there, so the
 * original is its own bed; `none`: the net failed or is late, there is none.
 */
export const bedStretchMessage = z.object({
  type: z.literal("bed-stretch"),
  startSample: sample,
  endSample: sample,
  source: z.enum(["original", "none"]),
});
export type BedStretchMessage = z.infer<typeof bedStretchMessage>;

/** relay → worker: a region has been played (live: its first block was written); `late` ones came too late and were not. */
export const appliedMessage = z.object({
  type: z.literal("applied"),
  language: z.string(),
  startSample: sample,
  fragmentId: z.string().optional(),
  late: z.boolean(),
});
export type AppliedMessage = z.infer<typeof appliedMessage>;

export const heartbeatMessage = z.object({ type: z.literal("heartbeat") });

/** relay → worker: the input has ended at this sample (file mode: flush; live: the run is over). */
export const inputEndMessage = z.object({ type: z.literal("end"), atSample: sample });

/** worker → relay: every sample up to the end is settled, nothing more will come. */
export const workerDoneMessage = z.object({ type: z.literal("done") });

export type RelayToWorker =
  | RelayHello
  | PcmMessage
  | AppliedMessage
  | z.infer<typeof heartbeatMessage>
  | z.infer<typeof inputEndMessage>;

export type WorkerToRelay =
  | z.infer<typeof workerHello>
  | AudioMessage
  | RegionMessage
  | BedMessage
  | BedStretchMessage
  | z.infer<typeof heartbeatMessage>
  | z.infer<typeof workerDoneMessage>;

/**
 * One end of the link. `send` never blocks: it returns false when the bounded queue towards the other
 * side is full and the message was dropped (live), and `ready()` resolves when there is room again
 * (file mode waits for it and drops nothing).
 */
export interface Link<Outgoing, Incoming> {
  send(message: Outgoing): boolean;
  ready(): Promise<void>;
  onMessage: (message: Incoming) => void;
  onClose: (reason: string) => void;
  close(): void;
}

export type RelayLink = Link<RelayToWorker, WorkerToRelay>;
export type WorkerLink = Link<WorkerToRelay, RelayToWorker>;
