import type { StsStage } from "../../src/protocol/sts-errors.ts";
import type { FragmentData } from "../../src/protocol/sts-fragment.ts";
import { maxAnswerBytes } from "./answer-message.ts";
import { audioBytes } from "./fragment-intake.ts";
import {
  FragmentFailure,
  type FragmentJob,
  type FragmentOutcome,
  type FragmentProcessor,
  type SessionTerms,
} from "./fragment-processor.ts";

/** What is given up says this soon at which stage it was. */
const stageWithinMs = 20;

/** How a fragment came out. */
export type FragmentResult = { readonly outcome: FragmentOutcome } | { readonly failure: unknown };

/** What a running fragment needs of its session. */
export interface FragmentContext {
  readonly session: {
    readonly streamId: string;
    readonly terms: SessionTerms;
    readonly binaryAudio: boolean;
    readonly processor: FragmentProcessor;
  };
  readonly queue: string;
  /** Undefined: no limit. */
  readonly timeoutMs: number | undefined;
  /** Called once, unless the fragment was aborted. */
  readonly onSettled: (fragment: RunningFragment, result: FragmentResult) => void;
  readonly onLengthDiffers: (detail: { announcedMs: number; audioMs: number }) => void;
}

/** A fragment that was acknowledged and has no answer yet. */
export interface RunningFragment {
  readonly fragmentId: string;
  readonly sequenceNumber: number;
  readonly receivedAtMs: number;
  /** Size of its audio as it came, for the session's memory limit. */
  readonly audioLength: number;
  /** Length of the original: by its bytes once they were read, before that as announced. */
  durationMs(): number;
  abort(): void;
  readonly onSettled: FragmentContext["onSettled"];
}

/**
 * Starts the work on a fragment, and settles it exactly once: by the engine's answer, or by `TIMEOUT`
 * when that takes longer than the session allows. What the engine answers later is dropped.
 */
export function startFragment(
  data: FragmentData,
  audioLength: number,
  context: FragmentContext,
): RunningFragment {
  const receivedAtMs = performance.now();
  const controller = new AbortController();
  let durationMs = data.audio.duration_ms;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let over = false;
  const fragment: RunningFragment = {
    fragmentId: data.fragment_id,
    sequenceNumber: data.sequence_number,
    receivedAtMs,
    audioLength,
    durationMs: () => durationMs,
    abort: () => {
      over = true;
      clearTimeout(timer);
      controller.abort();
    },
    onSettled: context.onSettled,
  };
  const settle = (result: FragmentResult) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    context.onSettled(fragment, result);
  };
  let stage: StsStage = "asr";
  const timeOut = (limitMs: number) => {
    const message = `not dubbed within ${limitMs} ms`;
    settle({ failure: new FragmentFailure("TIMEOUT", message, { stage, retryable: true }) });
  };
  if (context.timeoutMs !== undefined) {
    const limitMs = context.timeoutMs;
    timer = setTimeout(() => {
      timer = setTimeout(timeOut, stageWithinMs, limitMs);
      controller.abort();
    }, limitMs);
  }
  const deadlineAtMs =
    context.timeoutMs === undefined ? undefined : receivedAtMs + context.timeoutMs;
  void dub(data, context, controller.signal, receivedAtMs, deadlineAtMs).then(
    (outcome) => {
      const { originalDurationMs: audioMs } = outcome;
      if (Math.abs(audioMs - durationMs) > toleranceMs(data))
        context.onLengthDiffers({ announcedMs: durationMs, audioMs });
      durationMs = Math.round(audioMs);
      settle({ outcome });
    },
    (failure: unknown) => {
      if (!controller.signal.aborted || context.timeoutMs === undefined) return settle({ failure });
      if (failure instanceof FragmentFailure) stage = failure.stage;
      return timeOut(context.timeoutMs);
    },
  );
  return fragment;
}

async function dub(
  data: FragmentData,
  context: FragmentContext,
  signal: AbortSignal,
  receivedAtMs: number,
  deadlineAtMs: number | undefined,
): Promise<FragmentOutcome> {
  const { audio } = data;
  const { session } = context;
  const speech = audio.speech !== false;
  const bytes = speech ? audioBytes(audio) : new Uint8Array();
  if (bytes === undefined)
    throw new FragmentFailure(
      "INVALID_AUDIO_FORMAT",
      "audio.data_base64 is not base64 (RFC 4648, padded, no whitespace)",
      { stage: "asr", retryable: false },
    );
  const job: FragmentJob = {
    queue: context.queue,
    streamId: session.streamId,
    fragmentId: data.fragment_id,
    sequenceNumber: data.sequence_number,
    terms: session.terms,
    audio: {
      format: audio.format,
      sampleRateHz: audio.sample_rate_hz,
      channels: audio.channels,
      durationMs: audio.duration_ms,
      bytes,
    },
    speech,
    ptsNs: data.metadata?.pts_ns,
    airsInMs: audio.deadline_ms,
    receivedAtMs,
    deadlineAtMs,
    maxAnswerBytes: maxAnswerBytes(session.binaryAudio),
    signal,
  };
  return session.processor.process(job);
}

/** A millisecond of rounding and one sample frame. */
function toleranceMs(data: FragmentData): number {
  return 1 + 1000 / data.audio.sample_rate_hz;
}

/** Whatever was thrown, as a failure that may be told to the peer. */
export function asFailure(thrown: unknown): FragmentFailure {
  if (thrown instanceof FragmentFailure) return thrown;
  const message = thrown instanceof Error ? thrown.message : "unknown error";
  return new FragmentFailure("PROCESSING_ERROR", message, { stage: "asr", retryable: true });
}
