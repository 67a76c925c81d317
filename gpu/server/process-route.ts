import { zValidator } from "@hono/zod-validator";
import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { maxBase64Length } from "../../src/protocol/sts-audio.ts";
import {
  processRequestSchema,
  stsHttpPaths,
  type ProcessErrorCode,
  type ProcessRequest,
} from "../../src/protocol/sts-http.ts";
import { describeProblems } from "../../src/protocol/sts-scalars.ts";
import { audioMessage, metadataMessage } from "../session/answer-message.ts";
import { audioBytes, fragmentIdOf } from "../session/fragment-intake.ts";
import { FragmentFailure, type FragmentOutcome } from "../session/fragment-processor.ts";
import { settleTerms } from "../session/terms.ts";
import type { Sidecar } from "./sidecar.ts";

/** The largest fragment, and room for what stands around it. */
const maxBodyBytes = maxBase64Length + 64 * 1024;
const retryAfterSeconds = "1";

/** Codes of a failed dub that mean the request itself was wrong. */
const callersFault = new Set([
  "INVALID_AUDIO_FORMAT",
  "INVALID_TEXT",
  "UNSUPPORTED_LANGUAGE",
  "INVALID_VOICE_PROFILE",
]);

interface ProcessError {
  readonly status: ContentfulStatusCode;
  readonly code: ProcessErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly fragmentId?: string | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
}

/** `POST /api/v1/sts/process`: one fragment a request, in no order (contract section 4). */
export function processRoute(sidecar: Sidecar): Hono {
  const app = new Hono();
  let running = 0;
  let count = 0;
  app.post(
    stsHttpPaths.process,
    async (context, next) => {
      const allowed = sidecar.access.allows({
        authorization: context.req.header("authorization"),
        apiKey: context.req.header("x-api-key"),
      });
      if (!allowed)
        return refuse(context, {
          status: 401,
          code: "AUTH_FAILED",
          message: "show the key as Authorization: Bearer, or as X-API-Key",
          retryable: false,
        });
      const state = sidecar.readiness();
      if (state !== "ready" && state !== "degraded")
        return refuse(context, unavailable(`the sidecar is ${state}`));
      return next();
    },
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: (context) =>
        refuse(context, invalid(413, `the request is larger than ${maxBodyBytes} bytes`)),
    }),
    zValidator("json", processRequestSchema, (result, context) => {
      if (result.success) return undefined;
      const id = fragmentIdOf(result.data);
      return refuse(context, invalid(400, describeProblems(result.error as never), id));
    }),
    async (context) => {
      const request = context.req.valid("json");
      if (running >= sidecar.config.maxWorkers)
        return refuse(context, unavailable("every worker is busy", request.fragment_id));
      running++;
      try {
        const startedAtMs = performance.now();
        const outcome = await dub(sidecar, request, `http-${++count}`, context.req.raw.signal);
        return context.json(answer(request, outcome, startedAtMs, sidecar));
      } catch (error) {
        return refuse(context, processError(error, request.fragment_id));
      } finally {
        running--;
      }
    },
  );
  app.onError((error, context) =>
    "getResponse" in error
      ? refuse(context, invalid(400, error.message))
      : refuse(context, processError(error, undefined)),
  );
  return app;
}

async function dub(
  sidecar: Sidecar,
  request: ProcessRequest,
  queue: string,
  gone: AbortSignal,
): Promise<FragmentOutcome> {
  const settled = settleTerms(request.config, sidecar.engine);
  if ("refusal" in settled)
    throw new FragmentFailure(settled.refusal.code, settled.refusal.message, {
      stage: "asr",
      retryable: false,
      metadata: settled.refusal.metadata,
    });
  const { audio } = request;
  const speech = audio.speech !== false;
  const bytes = speech ? audioBytes(audio) : new Uint8Array();
  if (bytes === undefined) throw new InvalidRequest("audio.data_base64 is not base64");
  const timeoutMs = request.timeout_ms ?? sidecar.config.fragmentTimeoutMs;
  const late = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([late, gone]);
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => {
      const message = `not dubbed within ${timeoutMs} ms`;
      reject(new FragmentFailure("TIMEOUT", message, { stage: "asr", retryable: true }));
    });
  });
  const work = sidecar.processor.process({
    queue,
    streamId: request.stream_id,
    fragmentId: request.fragment_id,
    sequenceNumber: request.sequence_number,
    terms: settled.terms,
    audio: {
      format: audio.format,
      sampleRateHz: audio.sample_rate_hz,
      channels: audio.channels,
      durationMs: audio.duration_ms,
      bytes,
    },
    speech,
    receivedAtMs: performance.now(),
    deadlineAtMs: performance.now() + timeoutMs,
    maxAnswerBytes: Number.POSITIVE_INFINITY,
    signal,
  });
  return Promise.race([work, aborted]);
}

function answer(
  request: ProcessRequest,
  outcome: FragmentOutcome,
  startedAtMs: number,
  sidecar: Sidecar,
) {
  return {
    fragment_id: request.fragment_id,
    status: outcome.status,
    dubbed_audio: audioMessage(outcome.audio, false),
    transcript: outcome.transcript,
    translated_text: outcome.translatedText,
    processing_time_ms: Math.round(performance.now() - startedAtMs),
    metadata: metadataMessage(outcome, sidecar.metrics.gpuUtilization()),
  };
}

/** The request is wrong in itself. */
class InvalidRequest extends Error {}

function processError(error: unknown, fragmentId: string | undefined): ProcessError {
  if (error instanceof InvalidRequest) return invalid(400, error.message, fragmentId);
  if (!(error instanceof FragmentFailure))
    return {
      status: 500,
      code: "MODEL_ERROR",
      message: String(error),
      retryable: true,
      fragmentId,
    };
  const { code, message, metadata } = error;
  if (callersFault.has(code)) return { ...invalid(400, message, fragmentId), metadata };
  if (code === "TIMEOUT")
    return { status: 504, code: "TIMEOUT", message, retryable: true, fragmentId };
  if (code === "QUEUE_FULL" || code === "RATE_LIMIT_EXCEEDED")
    return { status: 429, code: "RATE_LIMIT", message, retryable: true, fragmentId };
  const { retryable } = error;
  return { status: 500, code: "MODEL_ERROR", message, retryable, fragmentId, metadata };
}

function invalid(status: 400 | 413, message: string, fragmentId?: string): ProcessError {
  return { status, code: "INVALID_INPUT", message, retryable: false, fragmentId };
}

function unavailable(message: string, fragmentId?: string): ProcessError {
  return { status: 503, code: "TEMPORARY_UNAVAILABLE", message, retryable: true, fragmentId };
}

function refuse(context: Context, error: ProcessError) {
  const { status, code, message, retryable, fragmentId, metadata } = error;
  if (status === 429 || status === 503) context.header("Retry-After", retryAfterSeconds);
  return context.json(
    {
      ...(fragmentId !== undefined && { fragment_id: fragmentId }),
      status: "error" as const,
      error: { code, message, retryable, ...(metadata && { metadata }) },
    },
    status,
  );
}
