import { EngineError, type EngineErrorCode } from "../../inference/engine-error.ts";
import type { RequestLimits } from "../../inference/request-queue.ts";
import { speechIn } from "./speech-body.ts";

/** 24 kHz, 16 bit: a little over two minutes, far beyond a clause. */
const largestBodyBytes = 6 * 2 ** 20;
/** Beyond any clause; a text that long is a mistake, and is paid for by the character. */
const longestText = 2000;

export interface SpeechRequest {
  /** The service's name, for messages. */
  readonly service: string;
  readonly url: string;
  /** With the key, which never stands in an error. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** The setting that holds the key. */
  readonly keySetting: string;
  readonly timeoutMs: number;
}

/**
 * Posts one request to a voice service and reads the sound of its answer. Redirects are refused, because
 * they would carry the key elsewhere; the body and the time are limited.
 *
 * @returns mono, 24 kHz, -1..1
 * @throws {EngineError} of stage `tts`
 */
export async function requestSpeech(
  request: SpeechRequest,
  limits: RequestLimits = {},
): Promise<Float32Array> {
  if (request.text.length > longestText)
    throw failure(request, "INVALID_TEXT", false, `a text of ${request.text.length} characters`, {
      detail: `at most ${longestText} are sent`,
    });
  const leftMs = (limits.deadlineAtMs ?? Infinity) - performance.now();
  const waitMs = Math.min(request.timeoutMs, limits.timeoutMs ?? Infinity, leftMs);
  if (waitMs <= 0) throw failure(request, "TIMEOUT", true, "no time is left to ask it");
  const time = AbortSignal.timeout(Math.ceil(waitMs));
  const signal = limits.signal ? AbortSignal.any([limits.signal, time]) : time;
  try {
    const answer = await fetch(request.url, {
      method: "POST",
      headers: { "content-type": "application/json", ...request.headers },
      body: JSON.stringify(request.body),
      redirect: "manual",
      signal,
    });
    refuseBadStatus(request, answer);
    const sound = speechIn(await readBody(request, answer), answer.headers.get("content-type"));
    if (typeof sound !== "string") return sound;
    throw failure(request, "TTS_SYNTHESIS_FAILED", true, sound);
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    if (limits.signal?.aborted) throw failure(request, "TIMEOUT", true, "its caller gave it up");
    if (time.aborted)
      throw failure(request, "TIMEOUT", true, `no answer within ${Math.ceil(waitMs)} ms`);
    const said = cause instanceof Error ? cause.message : String(cause);
    throw failure(request, "NETWORK_ERROR", true, `it cannot be reached: ${said}`);
  }
}

function refuseBadStatus(request: SpeechRequest, answer: Response): void {
  if (answer.ok) return;
  const { status } = answer;
  void answer.body?.cancel();
  if (status === 401 || status === 403)
    throw failure(
      request,
      "TTS_SYNTHESIS_FAILED",
      false,
      `it refuses the key (${status}): check ${request.keySetting}`,
    );
  if (status === 429)
    throw failure(
      request,
      "RATE_LIMIT_EXCEEDED",
      true,
      "too many requests, or the quota is used up",
    );
  if (status >= 300 && status < 400)
    throw failure(
      request,
      "TTS_SYNTHESIS_FAILED",
      false,
      `it answered with a redirect (${status}), which is not followed: give its final address`,
    );
  throw failure(request, "TTS_SYNTHESIS_FAILED", status >= 500, `it answered ${status}`);
}

async function readBody(request: SpeechRequest, answer: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const body: ReadableStream<Uint8Array> | null = answer.body;
  if (body === null) return new Uint8Array(0);
  for await (const chunk of body) {
    length += chunk.length;
    if (length > largestBodyBytes)
      // leaving the loop cancels the body
      throw failure(
        request,
        "TTS_SYNTHESIS_FAILED",
        false,
        `an answer of more than ${largestBodyBytes} bytes`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function failure(
  { service }: SpeechRequest,
  code: EngineErrorCode,
  retryable: boolean,
  message: string,
  { detail }: { detail?: string } = {},
): EngineError {
  return new EngineError(code, {
    message: `${service}: ${message}${detail === undefined ? "" : `; ${detail}`}`,
    retryable,
    blame: code === "INVALID_TEXT" ? "caller" : "upstream",
    stage: "tts",
  });
}
