import { Backoff } from "../process/backoff.ts";
import { processAnswerSchema } from "../protocol/sts-http.ts";
import { encodeBase64 } from "../protocol/sts-audio.ts";
import { isRetryable } from "../protocol/sts-errors.ts";
import { readProcessAnswer } from "./answer.ts";
import type { Clock } from "./clock.ts";
import { type StsEndpoint, httpAddress } from "./endpoint.ts";
import type { FragmentAnswer, OutgoingFragment } from "./fragment.ts";
import { authorization, readHealth, unsupportedPair } from "./health.ts";
import type { SessionWish } from "./socket-session.ts";
import type { StsTransport, TransportEvents, TransportState } from "./transport.ts";

/** The contract's answer is in the fragment's own rate, so the full rate goes up. */
const uplinkRateHz = 48_000;
/** A refusal is cured by a person, so it is tried again, but slowly. */
const refusedBackoffMs = 30_000;
/** The largest answer that is read: 60 s of stereo PCM as base64, and some. */
const maxAnswerBytes = 32 * 1024 * 1024;

export interface HttpTransportOptions {
  readonly endpoints: readonly StsEndpoint[];
  readonly wish: SessionWish;
  readonly clock: Clock;
  readonly firstReconnectMs?: number;
}

/** The HTTP way to a sidecar (contract section 4): one request a fragment, `/health` before the first. */
export class HttpTransport implements StsTransport {
  #state: TransportState = "idle";
  #events: TransportEvents | undefined;
  #requests = new Map<string, AbortController>();
  #backoff: Backoff;
  #turn = 0;
  #number = 0;
  #reconnects = 0;
  #cancelTimer: () => void = () => {};
  #aborter = new AbortController();

  constructor(private readonly options: HttpTransportOptions) {
    if (options.endpoints.length === 0) throw new RangeError("no sidecar endpoint");
    this.#backoff = new Backoff({
      firstMs: options.firstReconnectMs ?? 1000,
      capMs: 30_000,
      jitter: 0.1,
    });
  }

  get state(): TransportState {
    return this.#state;
  }

  get reconnects(): number {
    return this.#reconnects;
  }

  get endpoint(): string {
    return this.#current.shown;
  }

  get #current(): StsEndpoint {
    return this.options.endpoints[this.#turn % this.options.endpoints.length] as StsEndpoint;
  }

  start(events: TransportEvents): void {
    this.#events = events;
    void this.#prepare();
  }

  send(wireId: string, fragment: OutgoingFragment): number | undefined {
    if (this.#state !== "ready") return undefined;
    const sequenceNumber = this.#number++;
    const aborter = new AbortController();
    this.#requests.set(wireId, aborter);
    void this.#post(wireId, fragment, sequenceNumber, aborter);
    return sequenceNumber;
  }

  /** The contract knows no acknowledgement over HTTP. */
  acknowledge(): void {}

  abandon(wireId: string): void {
    this.#requests.get(wireId)?.abort();
    this.#requests.delete(wireId);
  }

  end(): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#move("closed", null);
    this.#cancelTimer();
    this.#aborter.abort();
    for (const wireId of this.#requests.keys()) this.abandon(wireId);
  }

  #move(state: TransportState, detail: string | null): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#events?.onState(state, detail);
  }

  /** Waits for a sidecar that is well, then declares the way open. */
  async #prepare(): Promise<void> {
    if (this.#state === "closed") return;
    this.#move("connecting", null);
    const reading = await readHealth(this.#current, 5000, this.#aborter.signal);
    if (this.#aborter.signal.aborted) return;
    if (reading.kind === "unreachable" || reading.kind === "starting")
      return this.#lose("disconnected", reading.detail);
    if (reading.kind === "ready") {
      if (reading.engine !== undefined) this.#events?.onEngine(reading.engine);
      const { sourceLanguage, targetLanguage } = this.options.wish;
      const problem = unsupportedPair(reading.health, sourceLanguage, targetLanguage);
      if (problem !== undefined) return this.#lose("refused", problem);
    }
    this.#backoff.reset();
    this.#move("ready", null);
    this.#events?.onGrant({ maxInflight: this.options.wish.maxInflight, uplinkRateHz });
  }

  #lose(state: "disconnected" | "refused", detail: string): void {
    if (this.#state === "closed") return;
    if (this.#state === "ready") this.#reconnects += 1;
    const shown = `${this.endpoint}: ${detail}`;
    this.#turn += 1;
    for (const wireId of this.#requests.keys()) this.abandon(wireId);
    this.#move(state, shown);
    const delayMs = Math.max(this.#backoff.next(), state === "refused" ? refusedBackoffMs : 0);
    this.#cancelTimer();
    this.#cancelTimer = this.options.clock.after(delayMs, () => void this.#prepare());
  }

  async #post(
    wireId: string,
    fragment: OutgoingFragment,
    sequenceNumber: number,
    aborter: AbortController,
  ): Promise<void> {
    const { wish } = this.options;
    const endpoint = this.#current;
    try {
      const response = await fetch(httpAddress(endpoint, "process"), {
        method: "POST",
        headers: { "content-type": "application/json", ...authorization(endpoint) },
        body: JSON.stringify({
          fragment_id: wireId,
          stream_id: wish.streamId,
          sequence_number: sequenceNumber,
          audio: {
            format: "pcm_s16le",
            sample_rate_hz: uplinkRateHz,
            channels: 1,
            duration_ms: fragment.durationMs,
            data_base64: encodeBase64(fragment.pcm(uplinkRateHz)),
          },
          config: {
            source_language: wish.sourceLanguage,
            target_language: wish.targetLanguage,
            voice_profile: wish.voice,
          },
          timeout_ms: wish.timeoutMs,
        }),
        signal: aborter.signal,
      });
      const answer = await this.#read(response);
      if (!this.#requests.delete(wireId)) return;
      if (response.status === 401 || response.status === 403)
        return this.#lose(
          "refused",
          "it refuses the key; set WORKER_STS_API_KEY to its STS_API_KEY",
        );
      if (response.status === 429)
        this.#events?.onBackpressure("slow_down", retryAfterMs(response), "medium");
      this.#events?.onAnswer(wireId, answer);
    } catch (error) {
      if (!this.#requests.delete(wireId)) return; // abandoned: nobody waits for it
      this.#lose("disconnected", error instanceof Error ? error.message : String(error));
    }
  }

  async #read(response: Response): Promise<FragmentAnswer> {
    const length = Number(response.headers.get("content-length") ?? 0);
    if (length > maxAnswerBytes) {
      await response.body?.cancel();
      return failure("INVALID_OUTPUT", `an answer of ${length} bytes`, false);
    }
    const parsed = processAnswerSchema.safeParse(await response.json().catch(() => undefined));
    if (parsed.success) {
      const answer = readProcessAnswer(parsed.data);
      if (response.ok || answer.error !== undefined) return answer;
    }
    const code = codeOfStatus(response.status);
    return failure(code, `HTTP ${response.status}`, isRetryable(code, undefined));
  }
}

function failure(code: string, message: string, retryable: boolean): FragmentAnswer {
  return {
    status: "failed",
    audio: undefined,
    transcript: undefined,
    translatedText: undefined,
    processingTimeMs: undefined,
    stageTimings: undefined,
    tempo: undefined,
    engine: undefined,
    error: { code, message, retryable },
  };
}

/** What a bare HTTP status means when the body says nothing that we understand. */
function codeOfStatus(status: number): string {
  if (status === 408 || status === 504) return "TIMEOUT";
  if (status === 413) return "FRAGMENT_TOO_LARGE";
  if (status === 429) return "RATE_LIMIT";
  if (status === 503 || status === 502) return "TEMPORARY_UNAVAILABLE";
  if (status >= 500) return "MODEL_ERROR";
  return status >= 400 ? "INVALID_INPUT" : "INVALID_OUTPUT";
}

function retryAfterMs(response: Response): number | undefined {
  const seconds = Number(response.headers.get("retry-after"));
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}
